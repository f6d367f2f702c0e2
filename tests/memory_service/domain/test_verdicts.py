from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from memory_service.domain.changes import Cause, ChangeKind, Outcome, OwnerState
from memory_service.domain.memory import (
    Entity,
    EventTime,
    Memory,
    MemoryType,
    NewMemory,
    Precision,
    Source,
    fact_digest,
)
from memory_service.domain.merging import MAX_TAGS
from memory_service.domain.planning import Known, Planner
from memory_service.domain.reconcile import take_found
from memory_service.domain.superseding import MAX_SUPERSEDED
from memory_service.domain.verdicts import Judgement, Verdict
from tests.support.memories import ALICE, make

NOW = 1_000
HOME = "alice|home"
PARIS = replace(
    make("paris", "Alice lives in Paris.", sessions=["s"], topics=["home"]),
    created=50,
    updated=50,
    slot=HOME,
    extractor="rules 1",
    mentioned=40,
)


def planner(*memories: Memory, deleted: tuple[str, ...] = ()) -> Planner:
    current = {fact_digest(memory): memory for memory in memories if memory.current}
    by_id = {memory.id: memory for memory in memories}
    return Planner(ALICE, Known(OwnerState(7, 90), current, by_id, frozenset(deleted)), NOW)


def fact(text: str = "Alice has moved to Berlin.", **fields: Any) -> NewMemory:
    values = {
        "id": "new",
        "text": text,
        "type": MemoryType.SEMANTIC,
        "slot": HOME,
        "sources": (Source("t", "9", 0, 5),),
        "extractor": "rules 2",
        "mentioned": 70,
        "vector": b"v",
        **fields,
    }
    return NewMemory(**values)


def verdict(judgement: Judgement, *ids: str) -> Verdict:
    return Verdict(judgement, ids or ("paris",), "a reason")


def after(plan: Planner) -> dict[str, Memory]:
    return {change.memory.id: change.memory for change in plan.plan(()).changes}


def test_a_new_one_is_stored_with_when_it_was_said():
    plan = planner()
    assert take_found(plan, fact(untrusted=True)).outcome is Outcome.CREATED
    stored = after(plan)["new"]
    assert (stored.first_said, stored.last_said, stored.created) == (70, 70, NOW)
    assert (stored.slot, stored.untrusted) == (HOME, True)


def test_a_duplicate_adds_its_sources_and_when_it_was_said():
    plan = planner(PARIS)
    decision = take_found(plan, fact("Paris is home."), verdict(Judgement.DUPLICATE))
    (change,) = plan.plan(()).changes
    assert (decision.outcome, change.kind, change.vector) == (
        Outcome.DUPLICATE,
        ChangeKind.UPDATED,
        None,
    )
    assert change.memory.text == PARIS.text
    assert change.memory.sources == (*PARIS.sources, Source("t", "9", 0, 5))
    assert (change.memory.first_said, change.memory.last_said) == (40, 70)
    assert change.earlier is not None
    assert change.earlier.cause is Cause.MERGE


def test_one_that_was_said_before_moves_the_first_time_only():
    plan = planner(PARIS)
    take_found(plan, fact("Paris is home.", mentioned=30), verdict(Judgement.DUPLICATE))
    assert (after(plan)["paris"].first_said, after(plan)["paris"].last_said) == (30, 40)


def test_a_fuller_one_gives_its_text_and_vector_and_what_comes_with_them():
    event = EventTime(5, Precision.YEAR)
    new = fact(
        "Alice lives in Paris, in Montmartre.",
        topics=("city", "home"),
        entities=(Entity("Montmartre"),),
        event_time=event,
        confidence=0.5,
    )
    plan = planner(replace(PARIS, embedded=True))
    take_found(plan, new, verdict(Judgement.UPDATE))
    (change,) = plan.plan(()).changes
    memory = change.memory
    assert (memory.id, memory.text, change.vector) == ("paris", new.text, b"v")
    assert change.new_text
    assert (memory.topics, memory.entities) == (("home", "city"), new.entities)
    assert (memory.event_time, memory.confidence, memory.extractor) == (event, 1.0, "rules 2")
    assert change.earlier is not None
    assert (change.earlier.memory.text, change.earlier.cause) == (PARIS.text, Cause.MERGE)
    assert plan.same(fact(PARIS.text)) is None
    assert plan.same(new) == memory


def test_a_fuller_one_without_a_vector_leaves_that_to_the_sweep():
    plan = planner(replace(PARIS, embedded=True))
    take_found(plan, fact("Alice lives in Paris 18.", vector=None), verdict(Judgement.UPDATE))
    (change,) = plan.plan(()).changes
    assert (change.vector, change.memory.embedded, change.new_text) == (None, False, True)


def test_a_fuller_one_of_something_that_is_new_itself_brings_its_own_vector():
    plan = planner()
    take_found(plan, fact("Alice lives in Paris.", id="paris"))
    take_found(plan, fact("Alice lives in Paris 18.", vector=b"w"), verdict(Judgement.UPDATE))
    (change,) = plan.plan(()).changes
    assert (change.kind, change.vector, change.earlier) == (ChangeKind.CREATED, b"w", None)
    assert change.memory.text == "Alice lives in Paris 18."


def test_what_a_caller_wrote_keeps_its_words():
    plan = planner(replace(PARIS, extractor=""))
    take_found(plan, fact("Alice lives in Paris 18."), verdict(Judgement.UPDATE))
    memory = after(plan)["paris"]
    assert (memory.text, len(memory.sources)) == (PARIS.text, 2)


def test_a_newer_one_takes_the_place_of_all_that_are_named():
    other = replace(PARIS, id="other", text="Alice's home is Paris.")
    plan = planner(PARIS, other)
    decision = take_found(plan, fact(), verdict(Judgement.SUPERSEDE, "paris", "other"))
    assert decision.outcome is Outcome.SUPERSEDING
    old, new = after(plan)["paris"], after(plan)["new"]
    assert (old.superseded_by, old.supersede_reason, old.superseded) == ("new", "a reason", NOW)
    assert (old.valid_to, old.end_learned) == (70, True)
    assert (new.supersedes, new.valid_from, new.current) == (("paris", "other"), 70, True)


@pytest.mark.parametrize(("event", "begin"), [(20, 20), (80, 70)])
def test_it_begins_when_it_happened_and_a_plan_when_it_was_made(event: int, begin: int):
    plan = planner(PARIS)
    new = fact(event_time=EventTime(event, Precision.DAY))
    take_found(plan, new, verdict(Judgement.SUPERSEDE))
    assert (after(plan)["paris"].valid_to, after(plan)["new"].valid_from) == (begin, begin)


def test_an_older_one_is_history_from_the_beginning():
    plan = planner(PARIS)
    decision = take_found(plan, fact(mentioned=20), verdict(Judgement.SUPERSEDED))
    assert decision.outcome is Outcome.SUPERSEDED
    old, new = after(plan)["new"], after(plan)["paris"]
    assert (old.superseded_by, old.superseded, old.valid_to) == ("paris", NOW, 40)
    assert (old.supersede_reason, old.current) == ("a reason", False)
    assert (new.supersedes, new.valid_from, new.current) == (("new",), 40, True)


def test_contradictions_are_kept_and_linked_both_ways():
    plan = planner(PARIS)
    decision = take_found(plan, fact(), verdict(Judgement.CONTRADICT))
    assert decision.outcome is Outcome.CREATED
    assert after(plan)["new"].contradicts == ("paris",)
    assert after(plan)["paris"].contradicts == ("new",)
    assert all(memory.current for memory in after(plan).values())
    repeated = planner(*after(plan).values())
    take_found(repeated, fact("Rome!", id="n2"), verdict(Judgement.CONTRADICT, "paris", "new"))
    assert after(repeated)["paris"].contradicts == ("new", "n2")


@pytest.mark.parametrize("judgement", list(Judgement))
@pytest.mark.parametrize(
    "known",
    [
        [],
        [replace(PARIS, superseded=60, superseded_by="x")],
        [replace(PARIS, untrusted=True)],
    ],
)
def test_a_verdict_about_what_is_not_current_or_not_to_be_trusted_makes_it_new(
    judgement: Judgement, known: list[Memory]
):
    plan = planner(*known)
    assert take_found(plan, fact(), verdict(judgement)).outcome is Outcome.CREATED
    assert list(after(plan)) == ["new"]


@pytest.mark.parametrize("judgement", list(Judgement))
def test_what_is_not_to_be_trusted_changes_nothing(judgement: Judgement):
    plan = planner(PARIS)
    take_found(plan, fact(untrusted=True), verdict(judgement))
    assert list(after(plan)) == ["new"]
    assert after(plan)["new"].current


@pytest.mark.parametrize("judgement", [Judgement.SUPERSEDE, Judgement.SUPERSEDED])
def test_only_what_may_be_of_the_same_slot_takes_the_place(judgement: Judgement):
    plan = planner(PARIS)
    take_found(plan, fact(slot="bob|home"), verdict(judgement))
    assert list(after(plan)) == ["new"]
    plan = planner(replace(PARIS, slot=""))
    assert take_found(plan, fact(), verdict(judgement)).outcome is not Outcome.CREATED


@pytest.mark.parametrize("judgement", list(Judgement))
def test_what_a_caller_deleted_does_not_come_back_whatever_is_said_of_it(judgement: Judgement):
    plan = planner(PARIS, deleted=(fact_digest(fact()),))
    assert take_found(plan, fact(), verdict(judgement)).outcome is Outcome.DELETED_BEFORE
    assert after(plan) == {}


@pytest.mark.parametrize("judgement", list(Judgement))
def test_what_was_extracted_once_is_not_extracted_again(judgement: Judgement):
    stored = replace(PARIS, id="new", text="Alice has moved to Bonn.")
    plan = planner(PARIS, stored)
    assert take_found(plan, fact(), verdict(judgement)).outcome is Outcome.ID_REUSED
    assert after(plan) == {}


def test_the_same_words_said_after_they_were_given_up_take_both_places():
    berlin = replace(PARIS, id="berlin", text="Alice lives in Berlin.")
    plan = planner(PARIS, berlin)
    take_found(plan, fact(PARIS.text), verdict(Judgement.SUPERSEDE, "berlin"))
    assert after(plan)["new"].supersedes == ("berlin", "paris")
    assert [m.id for m in after(plan).values() if m.current] == ["new"]


def test_the_names_of_what_is_not_kept_for_ever_are_limited():
    old = tuple(str(n) for n in range(MAX_SUPERSEDED))
    plan = planner(replace(PARIS, supersedes=old, contradicts=old[:MAX_TAGS]))
    take_found(plan, fact(), verdict(Judgement.SUPERSEDED))
    assert after(plan)["paris"].supersedes == (*old[1:], "new")
    take_found(plan, fact("x", id="x"), verdict(Judgement.CONTRADICT))
    assert after(plan)["paris"].contradicts == old[:MAX_TAGS]
