from __future__ import annotations

from collections import Counter

import pytest

from memory_service.domain.changes import OwnerState
from memory_service.domain.conversation import BEFORE, LONGEST, search_terms, turns
from memory_service.domain.memory import (
    MemoryType,
    NewMemory,
    Source,
    Turn,
    embedded_text,
    fact_digest,
)
from memory_service.domain.owner import SessionRef
from memory_service.domain.planning import Known, Planner
from memory_service.domain.session import Message, Role
from tests.support.memories import ALICE

CHAT = SessionRef(ALICE, "chat")


def message(sequence: int, content: str, role: Role = Role.USER, name: str = "Ann") -> Message:
    return Message(sequence, f"m{sequence}", role, name, content, created=sequence * 1000)


def test_a_turn_knows_who_said_it_where_and_after_what() -> None:
    before, now = message(4, "Where do you live?", Role.ASSISTANT, ""), message(5, "In Berlin.")
    (turn,) = turns(CHAT, [before], [now])
    assert turn.text == "In Berlin."
    assert turn.type is MemoryType.MESSAGE
    assert turn.turn == Turn(5, Role.USER, "Ann", "Where do you live?")
    assert turn.sources == (Source("chat", "m5"),)
    assert turn.mentioned == turn.event_time.micros == 5000


def test_where_the_messages_are_cut_changes_no_turn() -> None:
    said = [message(n, f"sentence {n}") for n in range(1, 8)]
    whole = turns(CHAT, [], said)
    cut = [t for n in range(1, 8) for t in turns(CHAT, said[: n - 1][-1:], [said[n - 1]])]
    assert cut == whole


def test_instructions_results_of_tools_and_empty_messages_are_no_turns() -> None:
    said = [
        message(1, "Be kind.", Role.SYSTEM),
        message(2, '{"t": 20}', Role.TOOL),
        message(3, "  ", Role.ASSISTANT),
        message(4, "It is warm.", Role.ASSISTANT),
    ]
    (turn,) = turns(CHAT, [], said)
    assert (turn.text, turn.turn.preceding) == ("It is warm.", "  ")
    assert turns(CHAT, [said[1]], [message(3, "Fine.")])[0].turn.preceding == ""


def test_the_same_message_is_the_same_turn_in_a_later_generation_and_other_words_are_not() -> None:
    (first,) = turns(CHAT, [], [message(1, "ok")])
    (moved,) = turns(CHAT, [], [message(1, "ok")])
    (other,) = turns(CHAT, [], [message(1, "no")])
    (elsewhere,) = turns(SessionRef(ALICE, "c2"), [], [message(1, "ok")])
    assert first.id == moved.id
    assert len({first.id, other.id, elsewhere.id}) == 3


def test_two_people_who_say_the_same_have_said_two_things() -> None:
    one, other = turns(CHAT, [], [message(1, "ok"), message(2, "ok")])
    assert fact_digest(one) != fact_digest(other)


def test_long_messages_are_cut_between_characters() -> None:
    long = "é" * LONGEST
    (_, turn) = turns(CHAT, [], [message(1, long), message(2, long)])
    assert turn.text == "é" * (LONGEST // 2)
    assert turn.turn.preceding == "é" * (BEFORE // 2)


def test_a_turn_is_found_by_its_own_words_twice_and_by_those_before_it() -> None:
    new = turns(CHAT, [message(1, "Which tea?")], [message(2, "Green tea")])[0]
    memory = planned(new)
    assert Counter(search_terms(memory)) == {"green": 2, "tea": 3, "ann": 1}
    assert embedded_text(memory.text, memory.turn) == "Green tea\nWhich tea?"


@pytest.mark.parametrize("turn", [None, Turn(1, Role.USER)])
def test_what_comes_after_nothing_is_embedded_by_itself(turn: Turn | None) -> None:
    assert embedded_text("Hello", turn) == "Hello"


def planned(new: NewMemory):
    return Planner(ALICE, Known(OwnerState(0, 0), {}, {}), 0).create(new)
