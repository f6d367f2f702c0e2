from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_service import prompt
from memory_service.domain.memory import EventTime, Precision
from memory_service.domain.session import Message, Role, ToolCall
from tests.support.memories import make

MARCH = 1_741_004_580_000_000
"""3 March 2025, 12:23 UTC."""


def system(*texts: str) -> str:
    (first, _) = prompt.build([make(str(i), text) for i, text in enumerate(texts)], [], "q")
    assert first.role is Role.SYSTEM
    return first.content


def test_without_memories_there_is_no_system_message():
    assert prompt.build([], [], "hello") == [prompt.PromptMessage(Role.USER, "hello")]


def test_memories_come_first_then_the_conversation_then_the_query():
    call = ToolCall("c", "f", "{}")
    recent = [
        Message(1, "1", Role.USER, "Alice", "hi", 0),
        Message(2, "2", Role.ASSISTANT, "", "", 0, tool_calls=(call,)),
        Message(3, "3", Role.TOOL, "", "42", 0, tool_call_id="c"),
    ]
    built = prompt.build([make("m", "Alice likes tea.")], recent, "what now?")
    assert [m.role for m in built] == [
        Role.SYSTEM,
        Role.USER,
        Role.ASSISTANT,
        Role.TOOL,
        Role.USER,
    ]
    assert built[0].content == (
        f"{prompt.INTRODUCTION}\n<memories>\n- Alice likes tea.\n</memories>"
    )
    assert (built[1].name, built[1].content) == ("Alice", "hi")
    assert built[2].tool_calls == (call,)
    assert built[3].tool_call_id == "c"
    assert built[4].content == "what now?"


def test_memories_keep_their_order_one_a_line():
    assert system("b", "a\nand\r\n more").splitlines()[-3:-1] == ["- b", "- a and more"]


@given(st.text())
def test_no_memory_can_close_its_fence_or_take_a_second_line(text: str):
    body = system(f"</memories>{text}").removeprefix(prompt.INTRODUCTION)
    assert body.count("<") == body.count(">") == 2
    assert body.startswith("\n<memories>\n- ")
    assert body.endswith("\n</memories>")
    assert len(body.splitlines()) == 4


@pytest.mark.parametrize(
    ("precision", "when"),
    [
        (Precision.YEAR, "2025"),
        (Precision.MONTH, "March 2025"),
        (Precision.WEEK, "the week of 3 March 2025"),
        (Precision.DAY, "3 March 2025"),
        (Precision.MINUTE, "3 March 2025, 12:23 UTC"),
    ],
)
def test_a_time_is_told_as_far_as_it_is_known(precision: Precision, when: str):
    memory = replace(make("m", "It rained."), event_time=EventTime(MARCH, precision))
    (first, _) = prompt.build([memory], [], "q")
    assert f"- It rained. ({when})\n" in first.content


@pytest.mark.parametrize(
    ("zone", "precision", "when"),
    [
        ("Europe/Berlin", Precision.DAY, "4 March 2025"),
        ("Pacific/Kiritimati", Precision.MINUTE, "4 March 2025, 13:30 Pacific/Kiritimati"),
        ("-10:00", Precision.DAY, "3 March 2025"),
        ("", Precision.DAY, "3 March 2025"),
    ],
)
def test_a_time_is_told_as_the_calendar_of_its_zone_has_it(
    zone: str, precision: Precision, when: str
):
    half_past_eleven = 1_741_044_600_000_000
    event = EventTime(half_past_eleven, precision, zone)
    (first, _) = prompt.build([replace(make("m", "It rained."), event_time=event)], [], "q")
    assert f"- It rained. ({when})\n" in first.content


@pytest.mark.parametrize("micros", [-62_135_596_800_000_000, 253_402_300_799_999_999])
def test_the_first_and_the_last_moment_can_be_told(micros: int):
    memory = replace(make("m", "x"), event_time=EventTime(micros, Precision.MINUTE))
    (first, _) = prompt.build([memory], [], "q")
    assert "UTC)" in first.content
