from __future__ import annotations

from typing import Any

import pytest

from extractor_service.llm.answer import (
    BadReply,
    Fault,
    items_of,
    memories_form,
    sentences_form,
    without_bounds,
)


@pytest.mark.parametrize(
    "reply",
    [
        '{"memories": [1, "a"]}',
        ' \n{"memories": [1, "a"], "more": 1}\n',
        '```json\n{"memories": [1, "a"]}\n```',
        '```\n{"memories": [1, "a"]}```',
        '<think>"memories"? {}</think>\n```json\n{"memories": [1, "a"]}\n```\n',
    ],
)
def test_the_items_are_read_also_from_within_a_fence_and_after_thoughts(reply: str) -> None:
    assert items_of(reply, "memories", cut_off=False) == [1, "a"]


@pytest.mark.parametrize(
    ("reply", "cut_off", "fault"),
    [
        ("", False, Fault.NO_JSON),
        ("Sure! Here it is.", False, Fault.NO_JSON),
        ('{"memories": [{"text": "Ada', True, Fault.CUT_OFF),
        ('{"memories": [{"text": "Ada', False, Fault.NO_JSON),
        ("[" * 100_000, False, Fault.NO_JSON),
        ('{"memories": [NaN]}', False, Fault.NO_JSON),
        ('{"memories": ["\\ud800"]}', False, Fault.NO_JSON),
        ("[]", False, Fault.WRONG_SCHEMA),
        ("null", False, Fault.WRONG_SCHEMA),
        ('{"memory": []}', False, Fault.WRONG_SCHEMA),
        ('{"memories": {}}', False, Fault.WRONG_SCHEMA),
    ],
)
def test_what_is_wrong_with_a_reply_is_told(reply: str, cut_off: bool, fault: Fault) -> None:
    with pytest.raises(BadReply) as caught:
        items_of(reply, "memories", cut_off=cut_off)
    assert caught.value.fault is fault
    assert "Ada" not in str(caught.value)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("start", ["```\n", "```", "<think>", ""])
@pytest.mark.parametrize("unit", ["\n", " ", "`", "\n```", "<think>", "["])
def test_a_large_reply_is_done_with_in_seconds(start: str, unit: str) -> None:
    with pytest.raises(BadReply):
        items_of(f"{start}{unit * 200_000}x", "memories", cut_off=False)


def objects(schema: Any) -> list[dict[str, Any]]:
    """The schemas of objects that are anywhere in this one."""
    if isinstance(schema, list):
        return [each for part in schema for each in objects(part)]
    if not isinstance(schema, dict):
        return []
    here = [schema] if schema.get("type") == "object" else []
    return here + [each for part in schema.values() for each in objects(part)]


@pytest.mark.parametrize("form", [memories_form(3, 9), sentences_form(4)])
def test_a_schema_is_what_strict_modes_take(form: Any) -> None:
    found = objects(form.schema)
    assert found
    for each in found:
        assert each["required"] == list(each["properties"])
        assert each["additionalProperties"] is False
    assert form.name in form.schema["properties"]


def test_a_schema_bounds_what_the_model_may_say_and_can_do_without() -> None:
    form = memories_form(3, 9)
    item = form.schema["$defs"]["MemoryItem"]["properties"]
    assert form.schema["properties"]["memories"]["maxItems"] == 9
    assert (item["message"]["minimum"], item["message"]["maximum"]) == (1, 3)
    assert item["text"]["maxLength"] > 0
    assert sentences_form(4).schema["properties"]["sentences"]["maxItems"] == 4
    text = str(without_bounds(form.schema))
    assert not any(bound in text for bound in ("max", "min", "pattern"))
    assert set(item) == set(without_bounds(form.schema)["$defs"]["MemoryItem"]["properties"])
