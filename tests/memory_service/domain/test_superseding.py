from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.changes import (
    Cause,
    ChangeKind,
    Decision,
    Earlier,
    Outcome,
    OwnerState,
    Plan,
)
from memory_service.domain.errors import InvalidField
from memory_service.domain.memory import (
    EventTime,
    Memory,
    MemoryType,
    NewMemory,
    Precision,
    Source,
    ends_before_it_begins,
    fact_digest,
)
from memory_service.domain.planning import Known
from memory_service.domain.reconcile import reconcile
from memory_service.domain.updating import restore, update
from tests.support.memories import ALICE, make

NOW = 1_000
STATE = OwnerState(7, 9)
PARIS = replace(make("paris", "Alice lives in Paris."), revision=3, created=5, updated=5)
TEA = replace(make("tea", "Alice drinks tea."), revision=4, created=6, updated=6)


def known(*memories: Memory, deleted: Sequence[str] = ()) -> Known:
    current = {fact_digest(memory): memory for memory in memories if memory.current}
    by_id = {memory.id: memory for memory in memories}
    return Known(STATE, current, by_id, frozenset(deleted))


def berlin(**fields: Any) -> NewMemory:
    values = {"id": "berlin", "text": "Alice lives in Berlin.", "type": MemoryType.SEMANTIC}
    return NewMemory(**{**values, "supersedes": ("paris",), **fields})


def changed(plan: Plan) -> dict[str, Memory]:
    return {change.memory.id: change.memory for change in plan.changes}


def take(new: NewMemory, *memories: Memory, now: int = NOW) -> tuple[Decision, Plan]:
    plan = reconcile(ALICE, [new], known(*memories), now)
    (decision,) = plan.decisions
    return decision, plan


def test_a_memory_takes_the_place_of_another() -> None:
    decision, plan = take(berlin(supersede_reason="moved"), PARIS)
    old, new = changed(plan)["paris"], changed(plan)["berlin"]
    assert decision == Decision(Outcome.SUPERSEDING, new)
    assert (old.superseded_by, old.superseded, old.supersede_reason) == ("berlin", NOW, "moved")
    assert (old.valid_to, old.end_learned, old.updated) == (NOW, True, NOW)
    assert not old.current
    assert (new.supersedes, new.supersede_reason, new.current) == (("paris",), "", True)
    kinds = {change.memory.id: change.kind for change in plan.changes}
    assert kinds == {"paris": ChangeKind.SUPERSEDED, "berlin": ChangeKind.CREATED}
    assert {c.memory.id: c.earlier for c in plan.changes} == {
        "paris": Earlier(PARIS, NOW, Cause.SUPERSEDE),
        "berlin": None,
    }
    assert [c.memory.revision for c in plan.changes] == [9, 10]
    assert plan.state == OwnerState(10, NOW)


@pytest.mark.parametrize(
    ("new", "old", "end"),
    [
        (berlin(valid_from=50), PARIS, 50),
        (berlin(valid_from=50, event_time=EventTime(40, Precision.DAY)), PARIS, 50),
        (berlin(event_time=EventTime(40, Precision.DAY)), PARIS, 40),
        (berlin(event_time=EventTime(-40, Precision.DAY)), PARIS, -40),
        (berlin(valid_from=50), replace(PARIS, valid_from=20), 50),
        (berlin(valid_from=50), replace(PARIS, valid_from=70), 70),
        (berlin(valid_from=-50), replace(PARIS, valid_from=0), 0),
        (berlin(), PARIS, NOW),
    ],
)
def test_the_old_one_was_true_until_the_new_one_begins(
    new: NewMemory, old: Memory, end: int
) -> None:
    _, plan = take(new, old)
    assert changed(plan)["paris"].valid_to == end
    assert changed(plan)["paris"].end_learned


def test_an_end_that_was_known_stays() -> None:
    _, plan = take(berlin(valid_from=50), replace(PARIS, valid_to=30))
    old = changed(plan)["paris"]
    assert (old.valid_to, old.end_learned) == (30, False)


def test_a_clock_that_went_back_supersedes_nothing_before_its_last_change() -> None:
    _, plan = take(berlin(), replace(PARIS, updated=NOW + 7))
    old = changed(plan)["paris"]
    assert (old.superseded, old.updated) == (NOW + 7, NOW + 7)


@pytest.mark.parametrize("supersedes", [("paris", "never there"), ("never there",), ("gone",)])
def test_nothing_is_stored_if_one_to_be_superseded_is_not_there(
    supersedes: tuple[str, ...],
) -> None:
    gone = replace(make("gone", "Alice lives in Rome."), superseded=4, superseded_by="paris")
    decision, plan = take(berlin(supersedes=supersedes), PARIS, gone)
    assert decision == Decision(Outcome.SUPERSEDED_MISSING, None)
    assert (plan.changes, plan.state) == ((), STATE)


def test_several_are_superseded_at_once() -> None:
    _, plan = take(berlin(supersedes=("tea", "paris")), PARIS, TEA)
    assert changed(plan)["berlin"].supersedes == ("tea", "paris")
    assert {changed(plan)[id_].superseded_by for id_ in ("tea", "paris")} == {"berlin"}


def test_what_is_known_already_takes_the_place_too() -> None:
    there = replace(make("there", "Alice lives in Berlin."), revision=5, supersedes=("rome",))
    decision, plan = take(berlin(sources=(Source("s", "1"),)), PARIS, there)
    after = changed(plan)["there"]
    assert decision == Decision(Outcome.SUPERSEDING, after)
    assert (after.supersedes, after.sources) == (("rome", "paris"), (Source("s", "1"),))
    assert changed(plan)["paris"].superseded_by == "there"
    (change,) = [c for c in plan.changes if c.memory.id == "there"]
    assert change.kind is ChangeKind.UPDATED
    assert change.earlier is not None
    assert change.earlier.memory == there


def test_a_memory_does_not_take_its_own_place() -> None:
    decision, plan = take(berlin(text=PARIS.text), PARIS)
    assert decision == Decision(Outcome.DUPLICATE, PARIS)
    assert plan.changes == ()


def test_an_id_in_use_is_refused_before_anything_is_superseded() -> None:
    decision, plan = take(berlin(id="tea"), PARIS, TEA)
    assert (decision.outcome, plan.changes) == (Outcome.ID_REUSED, ())


def test_what_took_the_place_already_is_known_when_it_is_written_again() -> None:
    _, first = take(berlin(), PARIS)
    after = tuple(changed(first).values())
    for again in (berlin(), berlin(id="")):
        decision, plan = take(again, *after)
        assert decision == Decision(Outcome.DUPLICATE, changed(first)["berlin"])
        assert plan.changes == ()
    # What was deleted since is no reason to take the place of another.
    decision, plan = take(berlin(), changed(first)["berlin"])
    assert (decision.outcome, plan.changes) == (Outcome.DUPLICATE, ())
    decision, plan = take(berlin(supersedes=("paris", "tea")), *after)
    assert (decision.outcome, plan.changes) == (Outcome.SUPERSEDED_MISSING, ())
    decision, plan = take(berlin(supersedes=("paris", "tea")), *after, TEA)
    assert decision.outcome is Outcome.SUPERSEDING
    assert changed(plan)["berlin"].supersedes == ("paris", "tea")


def test_what_another_took_the_place_of_is_known_by_its_id_when_it_is_written_again() -> None:
    _, first = take(berlin(), PARIS)
    oslo = berlin(id="oslo", text="Alice lives in Oslo.", supersedes=("berlin",))
    _, second = take(oslo, *changed(first).values())
    after = {memory.id: memory for memory in (*changed(first).values(), *changed(second).values())}
    for again in (berlin(), berlin(supersedes=())):
        decision, plan = take(again, *after.values())
        assert decision == Decision(Outcome.DUPLICATE, after["berlin"])
        assert plan.changes == ()
    for other in (berlin(text="Alice lives in Bonn.", supersedes=()), berlin(supersedes=("oslo",))):
        decision, plan = take(other, *after.values())
        assert (decision.outcome, plan.changes) == (Outcome.ID_REUSED, ())


def test_one_of_a_batch_may_supersede_another_of_it() -> None:
    first = NewMemory("rome", "Alice lives in Rome.", MemoryType.SEMANTIC)
    plan = reconcile(ALICE, [first, berlin(supersedes=("rome",))], known(), NOW)
    assert [d.outcome for d in plan.decisions] == [Outcome.CREATED, Outcome.SUPERSEDING]
    rome, of_berlin = (decision.memory for decision in plan.decisions)
    assert rome is not None
    assert (rome.superseded_by, of_berlin) == ("berlin", changed(plan)["berlin"])
    assert changed(plan)["rome"] == rome


def test_two_of_a_batch_do_not_supersede_the_same() -> None:
    other = berlin(id="oslo", text="Alice lives in Oslo.")
    plan = reconcile(ALICE, [berlin(), other], known(PARIS), NOW)
    outcomes = [decision.outcome for decision in plan.decisions]
    assert outcomes == [Outcome.SUPERSEDING, Outcome.SUPERSEDED_MISSING]


def test_a_fact_that_was_superseded_may_become_true_again() -> None:
    old = replace(PARIS, superseded=4, superseded_by="rome", valid_to=4)
    again = NewMemory("", PARIS.text, MemoryType.SEMANTIC)
    decision, plan = take(again, old)
    assert decision.outcome is Outcome.CREATED
    assert list(changed(plan)) != ["paris"]


def test_a_deleted_fact_comes_back_by_a_caller_and_not_by_extraction() -> None:
    fact = NewMemory("", PARIS.text, MemoryType.SEMANTIC, extractor="rules 1")
    deleted = [fact_digest(fact)]
    plan = reconcile(ALICE, [fact], known(deleted=deleted), NOW)
    assert plan.decisions == (Decision(Outcome.DELETED_BEFORE, None),)
    assert plan.changes == ()
    by_caller = replace(fact, extractor="")
    plan = reconcile(ALICE, [by_caller, fact], known(deleted=deleted), NOW)
    assert [d.outcome for d in plan.decisions] == [Outcome.CREATED, Outcome.DUPLICATE]


def test_a_fact_that_is_there_again_gains_sources_though_it_was_deleted_once() -> None:
    fact = NewMemory(
        "", PARIS.text, MemoryType.SEMANTIC, extractor="r", sources=(Source("s", "1"),)
    )
    plan = reconcile(ALICE, [fact], known(PARIS, deleted=[fact_digest(fact)]), NOW)
    assert plan.decisions[0].outcome is Outcome.DUPLICATE
    assert changed(plan)["paris"].sources == (Source("s", "1"),)


def test_what_was_superseded_is_restored_to_what_it_was() -> None:
    _, plan = take(berlin(), PARIS)
    edit = restore(PARIS, changed(plan)["paris"], None, plan.state, NOW + 1)
    assert edit.memory == replace(PARIS, updated=NOW + 1, revision=plan.state.revision + 1)


def test_what_ended_as_it_began_can_still_be_changed() -> None:
    _, plan = take(berlin(valid_from=10), replace(PARIS, valid_from=20))
    old = changed(plan)["paris"]
    assert ends_before_it_begins(old)
    assert update(old, {"pinned": True}, None, plan.state, NOW).memory.pinned
    with pytest.raises(InvalidField, match="valid_to"):
        update(old, {"valid_from": 30}, None, plan.state, NOW)


def test_an_end_that_a_caller_gives_was_not_learned_from_a_successor() -> None:
    _, plan = take(berlin(), PARIS)
    edit = update(changed(plan)["paris"], {"valid_to": 77}, None, plan.state, NOW)
    assert (edit.memory.valid_to, edit.memory.end_learned) == (77, False)


PLACES = ["Paris", "Rome", "Berlin", "Oslo"]
moves = st.builds(
    lambda id_, place, supersedes, valid_from: NewMemory(
        id_,
        f"Alice lives in {place}.",
        MemoryType.SEMANTIC,
        supersedes=tuple(dict.fromkeys(supersedes)),
        valid_from=valid_from,
    ),
    st.sampled_from(["a", "b", "c", ""]),
    st.sampled_from(PLACES),
    st.lists(st.sampled_from(["a", "b", "c"]), max_size=2),
    st.none() | st.integers(0, 2000),
)


@given(st.lists(st.lists(moves, max_size=4), max_size=4))
def test_any_batches_leave_each_fact_said_once_and_each_place_taken_once(
    batches: list[list[NewMemory]],
) -> None:
    memories: dict[str, Memory] = {}
    state = OwnerState(0, 0)
    for number, batch in enumerate(batches):
        current = {fact_digest(m): m for m in memories.values() if m.current}
        plan = reconcile(ALICE, batch, Known(state, current, dict(memories)), NOW + number)
        for change in plan.changes:
            before = memories.get(change.memory.id)
            assert (change.earlier.memory if change.earlier else None) == before
        memories |= changed(plan)
        state = plan.state
        assert all(
            d.memory in (None, memories.get(d.memory.id)) for d in plan.decisions if d.memory
        )
    digests = [fact_digest(memory) for memory in memories.values() if memory.current]
    assert len(digests) == len(set(digests))
    assert len({memory.revision for memory in memories.values()}) == len(memories)
    for memory in memories.values():
        assert memory.current == (memory.superseded_by == "")
        if not memory.current:
            assert memory.id in memories[memory.superseded_by].supersedes
            assert memory.valid_to is not None
