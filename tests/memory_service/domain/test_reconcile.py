from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from memory_service.domain.changes import (
    Cause,
    Change,
    ChangeKind,
    Earlier,
    Outcome,
    OwnerState,
    Plan,
)
from memory_service.domain.deleting import delete
from memory_service.domain.memory import Memory, MemoryType, NewMemory, Source, fact_digest
from memory_service.domain.planning import MAX_SOURCES, Known, Planner
from memory_service.domain.reconcile import reconcile, take
from tests.support.memories import ALICE, BOB, make

NOW = 1_000
EMPTY = Known(OwnerState(0, 0), {}, {})


def new(text: str, *messages: str, id_: str = "", vector: bytes | None = None) -> NewMemory:
    sources = tuple(Source("s", message) for message in messages)
    return NewMemory(id_, text, MemoryType.SEMANTIC, sources=sources, vector=vector)


def promote(batch: Sequence[NewMemory], known: Known) -> Plan:
    planner = Planner(ALICE, known, NOW)
    return planner.plan([take(planner, memory, rename=True) for memory in batch])


def after(plan: Plan, known: Known = EMPTY) -> Known:
    """What the owner knows once the plan is written."""
    by_id = dict(known.by_id)
    by_id |= {change.memory.id: change.memory for change in plan.changes}
    return Known(plan.state, {fact_digest(m): m for m in by_id.values()}, by_id)


def memories(plan: Plan) -> list[Memory]:
    return [change.memory for change in plan.changes]


def test_new_facts_get_revisions_and_create_times_of_their_own():
    plan = reconcile(ALICE, [new("a"), new("b"), new("c")], EMPTY, NOW)
    assert [m.revision for m in memories(plan)] == [1, 2, 3]
    assert [m.created for m in memories(plan)] == [NOW, NOW + 1, NOW + 2]
    assert [m.updated for m in memories(plan)] == [NOW, NOW + 1, NOW + 2]
    assert plan.state == OwnerState(3, NOW + 2)
    assert [d.outcome for d in plan.decisions] == [Outcome.CREATED] * 3


def test_a_clock_that_went_back_does_not_repeat_a_create_time():
    known = Known(OwnerState(7, NOW + 500), {}, {})
    plan = reconcile(ALICE, [new("a")], known, NOW)
    assert memories(plan)[0].created == NOW + 501


def test_a_known_fact_gains_the_source_and_nothing_else():
    known = after(reconcile(ALICE, [new("a", "1")], EMPTY, NOW))
    (before,) = known.by_id.values()
    plan = reconcile(ALICE, [new("A!", "2", vector=b"v")], known, NOW + 5)
    (change,) = plan.changes
    assert (change.kind, change.vector) == (ChangeKind.UPDATED, None)
    assert change.memory.sources == (Source("s", "1"), Source("s", "2"))
    assert (change.memory.text, change.memory.created) == ("a", before.created)
    assert (change.memory.updated, change.memory.revision) == (NOW + 5, 2)
    assert plan.decisions[0].outcome is Outcome.DUPLICATE
    assert plan.decisions[0].memory == change.memory


def test_a_known_fact_from_a_known_source_changes_nothing():
    known = after(reconcile(ALICE, [new("a", "1")], EMPTY, NOW))
    plan = reconcile(ALICE, [new("a", "1"), new("a")], known, NOW)
    assert plan.changes == ()
    assert plan.state == known.state
    assert [d.outcome for d in plan.decisions] == [Outcome.DUPLICATE] * 2


def test_the_same_fact_twice_in_one_batch_is_created_once_with_both_sources_and_its_vector():
    plan = reconcile(ALICE, [new("a", "1", vector=b"v"), new("a", "2", vector=b"w")], EMPTY, NOW)
    (change,) = plan.changes
    assert (change.kind, change.vector) == (ChangeKind.CREATED, b"v")
    assert change.memory.embedded
    assert [s.message_id for s in change.memory.sources] == ["1", "2"]
    assert [d.outcome for d in plan.decisions] == [Outcome.CREATED, Outcome.DUPLICATE]
    assert plan.state.revision == change.memory.revision


def test_an_id_in_use_for_another_fact_is_refused_and_the_rest_goes_on():
    known = Known(OwnerState(1, 1), {}, {"x": make("x", "other")})
    plan = reconcile(ALICE, [new("a", id_="x"), new("b", id_="y"), new("c", id_="y")], known, NOW)
    outcomes = [d.outcome for d in plan.decisions]
    assert outcomes == [Outcome.ID_REUSED, Outcome.CREATED, Outcome.ID_REUSED]
    assert plan.decisions[0].memory is None
    assert [m.id for m in memories(plan)] == ["y"]


def test_an_id_in_use_is_no_reason_to_lose_what_a_caller_wrote():
    known = after(reconcile(ALICE, [new("a", id_="x")], EMPTY, NOW))
    batch = [new("b", id_="x"), new("c", id_="y"), new("d", id_="y"), new("a", id_="z")]
    plan = promote(batch, known)
    outcomes = [decision.outcome for decision in plan.decisions]
    assert outcomes == [Outcome.CREATED, Outcome.CREATED, Outcome.CREATED, Outcome.DUPLICATE]
    b, c, d, a = (decision.memory.id for decision in plan.decisions if decision.memory)
    assert (c, a) == ("y", "x")
    assert len({a, b, c, d}) == 4


def test_what_was_extracted_does_not_come_back_under_another_id():
    """Its id stands for the same passage: its memory has been changed by a caller since."""
    known = after(reconcile(ALICE, [new("changed", id_="x")], EMPTY, NOW))
    extracted = replace(new("as it was said", id_="x"), extractor="rules 1")
    (decision,) = promote([extracted], known).decisions
    assert decision.outcome is Outcome.ID_REUSED


def test_given_ids_differ_between_owners_and_between_facts():
    plans = [reconcile(owner, [new("a"), new("b")], EMPTY, NOW) for owner in (ALICE, BOB)]
    assert len({memory.id for plan in plans for memory in memories(plan)}) == 4


def test_sources_stop_at_their_limit():
    many = [new("a", str(n)) for n in range(MAX_SOURCES + 5)]
    plan = reconcile(ALICE, many, EMPTY, NOW)
    (change,) = plan.changes
    assert [s.message_id for s in change.memory.sources] == [str(n) for n in range(MAX_SOURCES)]
    assert reconcile(ALICE, many, after(plan), NOW).changes == ()


def test_a_merge_ends_the_state_that_was_stored_before_the_plan():
    stored = after(reconcile(ALICE, [new("a", "1")], EMPTY, NOW))
    plan = reconcile(ALICE, [new("a", "2"), new("a", "3")], stored, NOW + 1)
    (change,) = plan.changes
    (before,) = stored.by_id.values()
    assert change.earlier == Earlier(before, NOW + 1, Cause.MERGE)
    assert not change.new_text
    (created,) = reconcile(ALICE, [new("b", "2"), new("b", "3")], EMPTY, NOW).changes
    assert created.earlier is None


def test_a_memory_with_a_vector_is_embedded_and_one_without_is_not():
    plan = reconcile(ALICE, [new("a", vector=b"v"), new("b")], EMPTY, NOW)
    assert [m.embedded for m in memories(plan)] == [True, False]


def test_deleting_takes_a_revision_for_each_memory():
    plan = delete([make("1"), make("2")], OwnerState(5, 9), NOW)
    assert [(c.kind, c.memory.id, c.memory.revision) for c in plan.changes] == [
        (ChangeKind.DELETED, "1", 6),
        (ChangeKind.DELETED, "2", 7),
    ]
    assert plan.state == OwnerState(7, 9)
    assert [c.earlier for c in plan.changes] == [
        Earlier(make("1"), NOW, Cause.DELETE),
        Earlier(make("2"), NOW, Cause.DELETE),
    ]
    assert delete([], OwnerState(5, 9), NOW) == Plan((), (), OwnerState(5, 9))


facts = st.builds(
    new,
    st.sampled_from(["a", "A.", "b", "c", "d"]),
    st.sampled_from(["1", "2", "3"]),
    id_=st.sampled_from(["", "", "x", "y"]),
)
batches = st.lists(facts, max_size=8)


def revisions(changes: Sequence[Change]) -> list[int]:
    return [change.memory.revision for change in changes]


@given(batches, batches)
def test_any_two_batches_keep_the_books(first: list[NewMemory], second: list[NewMemory]):
    known = EMPTY
    for batch in (first, second):
        plan = reconcile(ALICE, batch, known, NOW)
        assert len(plan.decisions) == len(batch)
        assert plan.state.revision - known.state.revision >= len(plan.changes)
        assert revisions(plan.changes) == sorted(set(revisions(plan.changes)))
        assert all(known.state.revision < r <= plan.state.revision for r in revisions(plan.changes))
        assert not plan.changes or revisions(plan.changes)[-1] == plan.state.revision
        assert len({m.id for m in memories(plan)}) == len(plan.changes)
        known = after(plan, known)
        everything = list(known.by_id.values())
        assert len({fact_digest(m) for m in everything}) == len(everything)
        assert len({m.created for m in everything}) == len(everything)
        assert all(m.created <= m.updated for m in everything)


@given(batches)
def test_a_batch_that_was_taken_in_whole_changes_nothing_the_second_time(batch: list[NewMemory]):
    first = reconcile(ALICE, batch, EMPTY, NOW)
    # What was refused for its id may meet its own words, said under another id, the next time.
    assume(all(d.outcome is not Outcome.ID_REUSED for d in first.decisions))
    again = reconcile(ALICE, batch, after(first), NOW)
    assert again.changes == ()
    assert {d.outcome for d in again.decisions} <= {Outcome.DUPLICATE}
    assert again.state == first.state
