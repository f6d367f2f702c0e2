"""What is true of a slot at which time, whatever was learned first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.changes import Cause, Outcome, OwnerState
from memory_service.domain.learned_late import NO_PAST
from memory_service.domain.matching import in_view
from memory_service.domain.memory import (
    EventTime,
    Memory,
    MemoryType,
    NewMemory,
    Precision,
    Source,
    fact_digest,
)
from memory_service.domain.neighbors import of_then
from memory_service.domain.planning import Known, Planner
from memory_service.domain.reconcile import take, take_found
from memory_service.domain.search import View
from memory_service.domain.slot_times import newer
from memory_service.domain.verdicts import ADD, Judgement, Verdict
from memory_service.domain.waiting import as_memory
from tests.support.memories import ALICE

HOME = "alice|home"
DAY = 86_400_000_000
NOW = 20_000 * DAY


@dataclass(frozen=True)
class Told:
    """That somebody lives somewhere, told on a day; moved there on another if that is given."""

    place: str
    day: int
    moved: int | None = None

    def fact(self) -> NewMemory:
        event = None if self.moved is None else EventTime(self.moved * DAY, Precision.DAY)
        return NewMemory(
            id=f"{self.place} told on {self.day}",
            text=f"Alice lives in {self.place}.",
            type=MemoryType.SEMANTIC,
            event_time=event,
            slot=HOME,
            sources=(Source("chat", f"day {self.day}", said=self.day * DAY),),
            extractor="rules",
            mentioned=self.day * DAY,
        )


class Kept:
    """An owner's memories, as a store keeps them from one fact to the next."""

    def __init__(self) -> None:
        self.memories: dict[str, Memory] = {}
        self.state = OwnerState(0, NOW)

    def planner(self) -> Planner:
        current = {fact_digest(m): m for m in self.memories.values() if m.current}
        return Planner(ALICE, Known(self.state, current, dict(self.memories)), NOW)

    def learn(self, new: NewMemory) -> Outcome:
        planner = self.planner()
        of_slot = planner.of_slot(HOME)
        past = {m.id: judged(new, [m]) for m in of_then(planner, new)}
        outcome = take_found(planner, new, judged(new, of_slot), past or NO_PAST).outcome
        self.keep(planner)
        return outcome

    def write(self, *batch: NewMemory) -> list[Outcome]:
        planner = self.planner()
        written = [replace(new, extractor="", sources=(), mentioned=None) for new in batch]
        outcomes = [take(planner, new).outcome for new in written]
        self.keep(planner)
        return outcomes

    def keep(self, planner: Planner) -> None:
        plan = planner.plan(())
        for change in plan.changes:
            before = self.memories.get(change.memory.id)
            assert (change.earlier.memory if change.earlier else None) == before
            self.memories[change.memory.id] = change.memory
        self.state = plan.state

    def history(self) -> list[tuple[str, int | None, int | None, str]]:
        """Where, from when, until when, and what took its place; days."""
        return sorted(
            (
                (m.text[15:-1], _day(m.valid_from), _day(m.valid_to), self._successor(m))
                for m in self.memories.values()
            ),
            key=lambda each: (each[1] is not None, each[1] or 0, each[2] or NOW, each[0]),
        )

    def true_on(self, day: int) -> list[str]:
        then = View(true=day * DAY)
        return [m.text[15:-1] for m in self.memories.values() if in_view(m, then)]

    def current(self) -> list[str]:
        return [m.text[15:-1] for m in self.memories.values() if m.current]

    def _successor(self, memory: Memory) -> str:
        return "" if memory.current else self.memories[memory.superseded_by].text[15:-1]


def _day(time: int | None) -> int | None:
    return None if time is None else time // DAY


def judged(new: NewMemory, known: Sequence[Memory]) -> Verdict:
    """What the extractor says of facts of one slot: the same place is the same fact."""
    mine = as_memory(ALICE, new)
    same = [m.id for m in known if m.text == new.text]
    later = [m for m in known if m.text != new.text and newer(m, mine)]
    older = [m.id for m in known if m.text != new.text and newer(mine, m)]
    if later:
        return Verdict(Judgement.SUPERSEDED, (later[0].id,), "older")
    if older:
        return Verdict(Judgement.SUPERSEDE, (*older, *same), "newer")
    return Verdict(Judgement.DUPLICATE, tuple(same[:1])) if same else ADD


def learned(told: Sequence[Told]) -> Kept:
    kept = Kept()
    for each in told:
        kept.learn(each.fact())
    return kept


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_each_home_was_one_until_the_next_in_whichever_order_they_are_told(order: Sequence[int]):
    told = [Told("Rome", 1), Told("Oslo", 4), Told("Bonn", 6), Told("Lima", 9)]
    kept = learned([told[number] for number in order])
    assert kept.history() == [
        ("Rome", None, 4, "Oslo"),
        ("Oslo", 4, 6, "Bonn"),
        ("Bonn", 6, 9, "Lima"),
        ("Lima", 9, None, ""),
    ]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_home_that_was_left_and_found_again_was_one_at_two_times(order: Sequence[int]):
    told = [Told("Rome", 1), Told("Oslo", 4), Told("Rome", 6), Told("Oslo", 9)]
    kept = learned([told[number] for number in order])
    assert kept.history() == [
        ("Rome", None, 4, "Oslo"),
        ("Oslo", 4, 6, "Rome"),
        ("Rome", 6, 9, "Oslo"),
        ("Oslo", 9, None, ""),
    ]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_what_is_said_again_while_it_is_so_is_one_fact(order: Sequence[int]):
    told = [Told("Rome", 1), Told("Oslo", 4), Told("Oslo", 5), Told("Lima", 9)]
    kept = learned([told[number] for number in order])
    assert kept.history() == [
        ("Rome", None, 4, "Oslo"),
        ("Oslo", 4, 9, "Lima"),
        ("Lima", 9, None, ""),
    ]
    (oslo,) = [m for m in kept.memories.values() if "Oslo" in m.text]
    assert {source.message_id for source in oslo.sources} == {"day 4", "day 5"}
    assert (oslo.first_said, oslo.last_said) == (4 * DAY, 5 * DAY)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_move_counts_from_when_it_was_and_not_from_when_it_was_told(order: Sequence[int]):
    told = [Told("Rome", 90, moved=10), Told("Oslo", 50, moved=20), Told("Lima", 70, moved=40)]
    kept = learned([told[number] for number in order])
    assert kept.history() == [
        ("Rome", None, 20, "Oslo"),
        ("Oslo", 20, 40, "Lima"),
        ("Lima", 40, None, ""),
    ]


def _ordered(steps: Sequence[tuple[str, int]]) -> list[Told]:
    """A life: where somebody lived, told once on a day while it was so."""
    days, told = 0, []
    for place, gap in steps:
        days += gap
        if not told or told[-1].place != place:
            told.append(Told(place, days))
    return told


lives = st.lists(
    st.tuples(st.sampled_from(["Rome", "Oslo", "Bonn"]), st.integers(1, 30)), min_size=1, max_size=6
).map(_ordered)


@given(lives.flatmap(lambda told: st.tuples(st.just(told), st.permutations(told))))
def test_whatever_comes_first_the_history_comes_out_the_same(
    life: tuple[list[Told], list[Told]],
) -> None:
    told, order = life
    kept = learned(order)
    assert kept.history() == learned(told).history()
    assert kept.current() == [told[-1].place]
    ends = [each[2] for each in kept.history()]
    begins = [each[1] for each in kept.history()]
    assert ends[:-1] == begins[1:]
    for memory in kept.memories.values():
        if not memory.current:
            assert memory.id in kept.memories[memory.superseded_by].supersedes
            assert memory.end_learned
    names = [id_ for memory in kept.memories.values() for id_ in memory.supersedes]
    assert len(names) == len(set(names)) == len(kept.memories) - 1


moves = st.lists(
    st.builds(Told, st.sampled_from(["Rome", "Oslo", "Bonn", "Lima", "Kyiv"]), st.integers(1, 60),
              st.none() | st.integers(1, 60)),
    max_size=6, unique_by=(lambda each: each.place, lambda each: each.day),
)  # fmt: skip


@given(moves.flatmap(lambda told: st.tuples(st.just(told), st.permutations(told))))
def test_whatever_comes_first_days_of_moving_and_of_telling_give_one_history(
    either: tuple[list[Told], list[Told]],
) -> None:
    one, other = (learned(order) for order in either)
    assert one.history() == other.history()
    assert one.current() == other.current()


@given(st.permutations([Told(place, 1, day) for place, day in zip("ABCDE", range(5), strict=True)]))
def test_what_callers_write_with_the_time_it_happened_comes_out_the_same(
    order: list[Told],
) -> None:
    kept = Kept()
    for told in order:
        kept.write(told.fact())
    assert kept.history() == [
        ("A", None, 1, "B"), ("B", 1, 2, "C"), ("C", 2, 3, "D"), ("D", 3, 4, "E"),
        ("E", 4, None, ""),
    ]  # fmt: skip


def true_from(place: str, day: int) -> NewMemory:
    return replace(Told(place, 1).fact(), id=place, valid_from=day * DAY)


beginnings = st.dictionaries(
    st.sampled_from(["Rome", "Oslo", "Bonn", "Lima", "Kyiv"]), st.integers(1, 60), min_size=1
).filter(lambda days: len(set(days.values())) == len(days))


@given(beginnings.flatmap(lambda days: st.permutations(list(days.items()))), st.booleans())
def test_what_callers_write_with_when_it_became_true_is_so_until_the_next_in_whatever_order(
    order: list[tuple[str, int]], together: bool
) -> None:
    kept, batch = Kept(), [true_from(place, day) for place, day in order]
    for some in [batch] if together else [[new] for new in batch]:
        kept.write(*some)
    life = sorted(order, key=lambda each: each[1])
    following = [*life[1:], ("", None)]
    assert kept.history() == [
        (place, day, end, successor)
        for (place, day), (successor, end) in zip(life, following, strict=True)
    ]
    for day in range(62):
        begun = [place for place, since in life if since <= day]
        assert kept.true_on(day) == begun[-1:]
    assert kept.current() == [life[-1][0]]


def test_what_is_so_since_before_something_else_was_said_is_history_when_that_was():
    kept = Kept()
    kept.write(replace(Told("Rome", 1).fact(), valid_from=None))
    assert kept.write(true_from("Oslo", 4)) == [Outcome.SUPERSEDED]
    assert kept.write(true_from("Bonn", 9)) == [Outcome.SUPERSEDED]
    today = NOW // DAY
    expected = [("Oslo", 4, 9, "Bonn"), ("Bonn", 9, today, "Rome"), ("Rome", today, None, "")]
    assert kept.history() == expected


def test_what_begins_in_days_to_come_has_its_place_from_when_it_was_said():
    kept, today = Kept(), NOW // DAY
    kept.write(true_from("Bonn", today + 9))
    assert kept.write(true_from("Oslo", 4)) == [Outcome.SUPERSEDED]
    assert kept.history() == [("Oslo", 4, today + 9, "Bonn"), ("Bonn", today + 9, None, "")]
    # What is said after it counts at once: nothing that is yet to be is in its way.
    assert kept.write(Told("Lima", 1).fact()) == [Outcome.SUPERSEDING]
    assert kept.current() == ["Lima"]


def test_a_beginning_that_was_learned_is_not_what_the_order_goes_by():
    kept = learned([Told("Rome", 1), Told("Lima", 9), Told("Lima", 20)])
    assert ("Lima", 9, None, "") in kept.history()
    kept.write(true_from("Oslo", 15))
    assert kept.history() == [
        ("Rome", None, 9, "Lima"), ("Lima", 9, 15, "Oslo"), ("Oslo", 15, 20, "Lima"),
        ("Lima", 20, None, ""),
    ]  # fmt: skip


def test_what_was_cut_short_says_so_in_its_revisions():
    kept = learned([Told("Rome", 1), Told("Lima", 9)])
    planner = kept.planner()
    new = Told("Oslo", 4).fact()
    past = {m.id: judged(new, [m]) for m in of_then(planner, new)}
    decision = take_found(planner, new, judged(new, planner.of_slot(HOME)), past)
    assert decision.outcome is Outcome.SUPERSEDED
    changes = {change.memory.text[15:-1]: change for change in planner.plan(()).changes}
    earlier = changes["Rome"].earlier
    assert earlier is not None
    assert (_day(earlier.memory.valid_to), earlier.cause) == (9, Cause.SUPERSEDE)
    assert changes["Rome"].memory.supersede_reason == "newer"
    assert changes["Rome"].memory.superseded == earlier.memory.superseded


def test_what_an_owner_was_told_last_of_all_is_compared_with_nothing_of_then():
    kept = learned([Told("Rome", 1), Told("Lima", 9)])
    assert of_then(kept.planner(), Told("Oslo", 10).fact()) == []
    assert len(of_then(kept.planner(), Told("Oslo", 4).fact())) == 2
    assert of_then(kept.planner(), replace(Told("Oslo", 4).fact(), slot="bob|home")) == []
    assert of_then(kept.planner(), replace(Told("Oslo", 4).fact(), untrusted=True)) == []


def test_what_an_end_that_a_caller_gave_says_stays():
    kept = learned([Told("Rome", 1)])
    (rome,) = kept.memories.values()
    kept.memories[rome.id] = replace(rome, valid_to=3 * DAY)
    kept.learn(Told("Lima", 9).fact())
    kept.learn(Told("Oslo", 2).fact())
    assert ("Rome", None, 3, "Oslo") in kept.history()
