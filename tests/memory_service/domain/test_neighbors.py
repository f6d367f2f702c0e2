from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from memory_service.domain.changes import Cause, ChangeKind, OwnerState
from memory_service.domain.memory import Memory, MemoryType, NewMemory, fact_digest
from memory_service.domain.neighbors import (
    MAX_NEIGHBORS,
    MAX_TEXT,
    NEAREST,
    Found,
    is_open,
    questions,
    stale,
)
from memory_service.domain.planning import Known, Planner
from memory_service.domain.reconcile import take_found
from memory_service.domain.search import Candidate
from memory_service.domain.verdicts import Judgement, Question, Verdict
from tests.support.memories import ALICE, at_angle, make, vector

NOW = 1_000
TEA = make("tea", "Alice likes tea.")


def planner(*memories: Memory, deleted: Sequence[str] = ()) -> Planner:
    current = {fact_digest(m): m for m in memories if m.current}
    by_id = {memory.id: memory for memory in memories}
    return Planner(ALICE, Known(OwnerState(0, 0), current, by_id, frozenset(deleted)), NOW)


def fact(text: str, **fields: Any) -> NewMemory:
    values = {"id": text, "type": MemoryType.SEMANTIC, "extractor": "r", "vector": vector(1)}
    return NewMemory(text=text, **{**values, **fields})


def near(new: NewMemory, *stored: tuple[Memory, float]) -> Found:
    return Found(new, [Candidate(memory, cosine) for memory, cosine in stored])


def neighbors(question: Question) -> dict[str, float | None]:
    return {
        each.memory.id: None if each.similarity is None else round(each.similarity, 3)
        for each in question.neighbors
    }


def test_the_nearest_known_facts_are_asked_about_from_a_cosine_on():
    memories = [make(str(n)) for n in range(12)]
    cosines = [1 - n / 20 for n in range(12)]
    (asked,) = questions(
        planner(*memories), [near(fact("a"), *zip(memories, cosines, strict=True))]
    )
    assert neighbors(asked) == {str(n): 1 - n / 20 for n in range(NEAREST)}
    (asked,) = questions(planner(TEA), [near(fact("a"), (TEA, 0.59))])
    assert asked.neighbors == ()
    assert not is_open(planner(), asked)


def test_those_of_the_same_slot_come_first_however_far_away():
    home = replace(make("home", "Alice lives in Oslo."), slot="s")
    (asked,) = questions(planner(TEA, home), [near(fact("a", slot="s"), (TEA, 0.9))])
    assert list(neighbors(asked).items()) == [("home", None), ("tea", 0.9)]
    (asked,) = questions(planner(TEA, home), [near(fact("a", slot="s"), (home, 0.7))])
    assert neighbors(asked) == {"home": 0.7}


def test_there_are_not_more_than_can_be_asked_about():
    many = [replace(make(f"{n}"), slot="s") for n in range(MAX_NEIGHBORS + 1)]
    (asked,) = questions(planner(*many), [Found(fact("a", slot="s"))])
    assert len(asked.neighbors) == MAX_NEIGHBORS


def test_facts_that_come_together_are_known_to_those_after_them():
    first, second = fact("one", vector=at_angle(10)), fact("two", vector=at_angle(30))
    far, of_slot = fact("three", vector=at_angle(100)), fact("four", slot="s", vector=None)
    last = fact("five", slot="s", vector=at_angle(100))
    asked = questions(planner(), [Found(each) for each in (first, second, far, of_slot, last)])
    assert [neighbors(each) for each in asked] == [
        {},
        {"one": 0.94},
        {},
        {},
        {"four": None, "three": 1.0},
    ]
    assert asked[1].neighbors[0].memory.last_said == NOW


def test_what_a_plan_has_made_of_memories_counts_not_what_they_were():
    plan = planner(TEA, make("coffee", "Alice likes coffee."))
    new = fact("Alice likes green tea.", id="g", vector=at_angle(20))
    take_found(plan, new, Verdict(Judgement.ADD))
    coffee = plan.find("coffee")
    assert coffee is not None
    values = {"vector": at_angle(40), "text": "Alice likes mocha."}
    plan.change(ChangeKind.UPDATED, coffee, Cause.MERGE, **values)
    (asked,) = questions(plan, [near(fact("x"), (TEA, 0.7), (coffee, 0.99))])
    assert neighbors(asked) == {"g": 0.94, "coffee": 0.766, "tea": 0.7}
    assert {n.memory.text for n in asked.neighbors} >= {"Alice likes mocha."}


@pytest.mark.parametrize(
    "new",
    [
        fact("a", untrusted=True, slot="s"),
        fact("a", type=MemoryType.MESSAGE, slot="s"),
        fact("x" * (MAX_TEXT + 1), slot="s"),
    ],
)
def test_of_what_is_no_fact_or_not_to_be_trusted_nothing_is_asked(new: NewMemory):
    home = replace(make("home"), slot="s")
    (asked, after) = questions(planner(TEA, home), [near(new, (TEA, 0.9)), Found(fact("b"))])
    assert asked.neighbors == after.neighbors == ()


def test_of_what_a_caller_deleted_nothing_is_asked_and_it_is_nobodys_neighbor():
    gone = fact("a")
    asked = questions(planner(TEA, deleted=[fact_digest(gone)]), [near(gone, (TEA, 0.9))] * 2)
    assert [each.neighbors for each in asked] == [(), ()]


def test_the_same_words_are_asked_about_only_if_others_are_in_their_slot():
    home = replace(make("home"), slot="s")
    same = fact(TEA.text, id="x", slot="s")
    (asked,) = questions(planner(TEA), [near(same, (TEA, 1.0))])
    assert not is_open(planner(TEA), asked)
    (asked,) = questions(planner(TEA, home), [near(same, (TEA, 1.0))])
    assert neighbors(asked) == {"tea": 1.0, "home": None}
    assert is_open(planner(TEA, home), asked)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ([TEA], False),
        ([replace(TEA, revision=9, sources=())], False),
        ([replace(TEA, text="Alice likes green tea.")], True),
        ([replace(TEA, superseded=5, superseded_by="x")], True),
        ([replace(TEA, slot="s")], True),
        ([], True),
    ],
)
def test_an_answer_holds_while_what_it_is_about_does(now: list[Memory], expected: bool):
    (asked,) = questions(planner(TEA), [near(fact("a"), (TEA, 0.9))])
    assert stale(planner(*now), asked) == expected
