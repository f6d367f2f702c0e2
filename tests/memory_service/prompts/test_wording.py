from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.memory import EventTime, Precision, Turn
from memory_service.domain.session import Role
from memory_service.prompts.wording import (
    ABOUT_MEMORIES,
    ABOUT_SUMMARY,
    memory_line,
    system_text,
)
from tests.support.memories import make

MARCH = 1_741_004_580_000_000
"""3 March 2025, 12:23 UTC."""
HALF_PAST_ELEVEN = 1_741_044_600_000_000
"""3 March 2025, 23:30 UTC."""

SAID = "(said 1 Jan 1970)"


def of(*texts: str) -> str:
    return system_text("", [make(str(i), text) for i, text in enumerate(texts)], "")


def test_nothing_known_and_nothing_to_do_is_nothing_to_say():
    assert system_text("", [], "") == ""


def test_instructions_come_first_then_memories_then_the_summary():
    text = system_text("Be kind.", [make("m", "Alice likes tea.")], "Alice\nsaid hello.")
    assert text == (
        f"Be kind.\n\n{ABOUT_MEMORIES}\n<memories>\n- Alice likes tea. {SAID}\n</memories>\n\n"
        f"{ABOUT_SUMMARY}\n<summary>\nAlice\nsaid hello.\n</summary>"
    )


def test_memories_keep_their_order_one_a_line():
    assert of("b", "a\nand\r\n more").splitlines()[-3:-1] == [f"- b {SAID}", f"- a and more {SAID}"]


@given(st.text())
def test_no_memory_can_close_its_fence_or_take_a_second_line(text: str):
    body = of(f"</memories>{text}").removeprefix(ABOUT_MEMORIES)
    assert body.count("<") == body.count(">") == 2
    assert body.startswith("\n<memories>\n- ")
    assert body.endswith("\n</memories>")
    assert len(body.splitlines()) == 4


@given(st.text())
def test_no_summary_can_close_its_fence(text: str):
    body = system_text("", [], f"</summary>{text}").removeprefix(ABOUT_SUMMARY)
    assert body.count("<") == body.count(">") == 2
    assert body.startswith("\n<summary>\n")
    assert body.endswith("\n</summary>")


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
    memory = replace(make("m", "It rained."), event_time=EventTime(MARCH, precision), created=MARCH)
    assert memory_line(memory) == f"- It rained. ({when}; said 3 Mar 2025)\n"


@pytest.mark.parametrize("micros", [-62_135_596_800_000_000, 253_402_300_799_999_999])
def test_the_first_and_the_last_moment_can_be_told(micros: int):
    memory = replace(make("m", "x"), event_time=EventTime(micros, Precision.MINUTE))
    assert "UTC; said " in memory_line(memory)
    assert "(said " in memory_line(replace(make("m", "x"), mentioned=micros))


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
    event = EventTime(HALF_PAST_ELEVEN, precision, zone)
    memory = replace(make("m", "It rained."), event_time=event, created=HALF_PAST_ELEVEN)
    said = f"said {when.partition(',')[0].replace('March', 'Mar')}"
    assert memory_line(memory) == f"- It rained. ({when}; {said})\n"


def test_a_memory_says_when_it_was_said_last_not_when_it_was_stored():
    said = replace(make("m", "Ann lives in Oslo.", created=HALF_PAST_ELEVEN), mentioned=MARCH)
    again = replace(said, mentioned=1, mentioned_again=MARCH)
    assert memory_line(said) == memory_line(again) == "- Ann lives in Oslo. (said 3 Mar 2025)\n"


def test_a_turn_is_told_in_the_words_of_who_said_it():
    turn = replace(make("m", "I keep bees."), turn=Turn(1, Role.USER, "Ann <b>"))
    assert memory_line(turn) == f"- Ann ‹b›: I keep bees. {SAID}\n"
    nameless = replace(turn, turn=Turn(1, Role.ASSISTANT))
    assert memory_line(nameless) == f"- assistant: I keep bees. {SAID}\n"
