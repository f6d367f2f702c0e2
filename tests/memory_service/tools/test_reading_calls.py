"""What models write: read strictly, and times as far as they are known."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.errors import InvalidField
from memory_service.domain.memory import EventTime, Precision
from memory_service.json_objects import json_object
from memory_service.tools.arguments import BadCall, read_arguments
from memory_service.tools.catalogue import TOOLS
from memory_service.tools.formats import Format, read_call
from memory_service.tools.times import read_time, show_time

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(), below, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(list(TOOLS)), st.one_of(st.text(), JSON.map(json.dumps)))
def test_whatever_a_model_writes_is_read_or_told_what_to_mend(tool: str, text: str):
    properties = TOOLS[tool].parameters["properties"]
    with suppress(BadCall):
        assert read_arguments(tool, text).keys() <= properties.keys()


@given(st.dictionaries(st.text(), JSON))
def test_an_object_is_read_as_it_is_if_it_can_be_sent_on(value: dict[str, Any]):
    text = json.dumps(value)
    try:
        sendable = json.loads(json.dumps(value, allow_nan=False))
    except ValueError:
        sendable = None
    assert json_object(text) == sendable


def test_what_is_null_is_as_if_it_had_been_left_out():
    assert read_arguments("search_memories", '{"query": "a", "limit": null}') == {"query": "a"}
    assert read_arguments("get_current_datetime", " ") == {}


@pytest.mark.parametrize(
    ("tool", "text", "number"),
    [
        ("search_memories", '{"query": "a", "limit": 5.0}', 5),
        ("read_session", '{"recent_messages": 1e2}', 100),
    ],
)
def test_a_whole_number_is_read_as_one_however_it_is_written(tool: str, text: str, number: int):
    read = list(read_arguments(tool, text).values())[-1]
    assert (read, type(read)) == (number, int)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("1970", EventTime(0, Precision.YEAR)),
        ("1970-01", EventTime(0, Precision.MONTH)),
        ("1970-01-02", EventTime(86_400_000_000, Precision.DAY)),
        ("1970-01-01T00:01", EventTime(60_000_000, Precision.MINUTE)),
        ("1970-01-01T00:01:30Z", EventTime(90_000_000, Precision.MINUTE)),
        ("1970-01-01T02:00+02:00", EventTime(0, Precision.MINUTE)),
    ],
)
def test_a_time_is_read_as_far_as_it_is_known(text: str, time: EventTime):
    assert read_time(text, "event_time") == time


@pytest.mark.parametrize(
    "text", ["0000", "2025-00", "2025-02-29", "2025-01-01T25:00", "9999-12-31T23:59-10:00"]
)
def test_a_time_that_never_is_is_refused(text: str):
    with pytest.raises(BadCall, match="event_time: there is no such time"):
        read_time(text, "event_time")


@pytest.mark.parametrize("text", ["0099", "2025", "2025-03", "2025-03-14", "2025-03-14T09:30Z"])
def test_a_time_is_shown_as_it_was_read(text: str):
    assert show_time(read_time(text, "")) == text


@pytest.mark.parametrize(
    ("call", "arguments", "shape"),
    [
        ({"id": "c", "function": {"name": "f", "arguments": "{}"}}, "{}", Format.OPENAI),
        ({"id": "c", "function": {"name": "f", "arguments": {"a": 1}}}, '{"a": 1}', Format.OPENAI),
        ({"id": "c", "function": {"name": "f"}}, "", Format.OPENAI),
        ({"id": "c", "name": "f", "input": {"a": 1}}, '{"a": 1}', Format.ANTHROPIC),
    ],
)
def test_a_call_is_read_in_the_shape_that_it_has(
    call: dict[str, Any], arguments: str, shape: Format
):
    read = read_call(json.dumps(call), "call_json")
    assert (read.made.id, read.made.name, read.made.arguments) == ("c", "f", arguments)
    assert read.format is shape


@given(JSON.map(json.dumps))
def test_what_is_no_call_is_the_callers_mistake(text: str):
    with pytest.raises(InvalidField, match="call_json"):
        read_call(text, "call_json")
