from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations, product
from typing import Any

import pytest

from memory_service.domain.changes import Cause, ChangeKind, Decision, Outcome, OwnerState, Plan
from memory_service.domain.memory import (
    EventTime,
    Memory,
    MemoryType,
    NewMemory,
    Precision,
    Source,
    fact_digest,
)
from memory_service.domain.planning import Known
from memory_service.domain.reconcile import reconcile
from memory_service.domain.slot_times import newer
from tests.support.memories import ALICE, make

NOW = 1_000
HOME = "alice|home"
DAY = 86_400_000_000
YEAR_2023, JUNE_2023, YEAR_2024 = (
    1_672_531_200_000_000,
    1_685_577_600_000_000,
    1_704_067_200_000_000,
)
TODAY = YEAR_2024 + 100 * DAY
PARIS = replace(make("paris", "Alice lives in Paris."), created=5, updated=5, slot=HOME)


def known(*memories: Memory) -> Known:
    current = {fact_digest(memory): memory for memory in memories if memory.current}
    return Known(OwnerState(7, 9), current, {memory.id: memory for memory in memories})


def lives_in(place: str, **fields: Any) -> NewMemory:
    values = {"id": place.lower(), "text": f"Alice lives in {place}.", "slot": HOME, **fields}
    return NewMemory(type=MemoryType.SEMANTIC, **values)


def take(
    new: Sequence[NewMemory], *memories: Memory, now: int = NOW
) -> tuple[Plan, dict[str, Memory]]:
    plan = reconcile(ALICE, new, known(*memories), now)
    return plan, {change.memory.id: change.memory for change in plan.changes}


def test_a_memory_takes_the_place_of_the_current_one_of_its_slot():
    plan, changed = take([lives_in("Berlin")], PARIS)
    old, new = changed["paris"], changed["berlin"]
    assert plan.decisions == (Decision(Outcome.SUPERSEDING, new),)
    assert (old.superseded_by, old.superseded, old.supersede_reason) == ("berlin", NOW, "same slot")
    assert (old.valid_to, old.end_learned) == (NOW, True)
    assert (new.supersedes, new.valid_from, new.slot, new.current) == (("paris",), NOW, HOME, True)


@pytest.mark.parametrize(
    "other",
    [
        replace(PARIS, slot="bob|home"),
        replace(PARIS, slot=""),
        replace(PARIS, superseded=6, superseded_by="x"),
        replace(PARIS, untrusted=True),
    ],
)
def test_what_is_not_current_of_its_slot_or_not_to_be_trusted_is_left_alone(other: Memory):
    plan, changed = take([lives_in("Berlin")], other)
    assert [d.outcome for d in plan.decisions] == [Outcome.CREATED]
    assert list(changed) == ["berlin"]
    assert changed["berlin"].valid_from is None


def test_without_a_slot_a_memory_takes_nobodys_place():
    plan, _ = take([lives_in("Berlin", slot="")], replace(PARIS, slot=""))
    assert [d.outcome for d in plan.decisions] == [Outcome.CREATED]


def test_what_is_older_than_what_is_known_becomes_history():
    event = EventTime(YEAR_2024, Precision.DAY)
    rome = replace(PARIS, id="rome", text="Alice moved to Rome.", event_time=event, created=TODAY)
    berlin = lives_in("Berlin", event_time=EventTime(YEAR_2023, Precision.DAY))
    plan, changed = take([berlin], rome, now=TODAY)
    old, new = changed["berlin"], changed["rome"]
    assert plan.decisions == (Decision(Outcome.SUPERSEDED, old),)
    assert (old.superseded_by, old.superseded, old.supersede_reason) == ("rome", TODAY, "same slot")
    assert (old.valid_to, old.current) == (YEAR_2024, False)
    assert (new.supersedes, new.current, new.valid_from) == (("berlin",), True, YEAR_2024)
    kinds = {change.memory.id: change.kind for change in plan.changes}
    assert kinds == {"berlin": ChangeKind.CREATED, "rome": ChangeKind.UPDATED}
    (earlier,) = [change.earlier for change in plan.changes if change.earlier]
    assert (earlier.memory, earlier.cause) == (rome, Cause.SUPERSEDE)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((YEAR_2024, Precision.DAY), (YEAR_2023, Precision.DAY), True),
        ((YEAR_2023, Precision.DAY), (YEAR_2024, Precision.DAY), False),
        # "In 2023" may be after June.
        ((YEAR_2023, Precision.YEAR), (JUNE_2023, Precision.DAY), True),
        ((YEAR_2023, Precision.MONTH), (JUNE_2023, Precision.DAY), False),
        ((JUNE_2023, Precision.MONTH), (JUNE_2023, Precision.MINUTE), True),
        ((JUNE_2023, Precision.DAY), (JUNE_2023, Precision.DAY), True),
        # What is of no known time, or yet to be, is so when it was said.
        (None, (YEAR_2024, Precision.DAY), True),
        ((YEAR_2023, Precision.DAY), None, False),
        (None, None, True),
        ((TODAY + 9 * DAY, Precision.DAY), (TODAY + 40 * DAY, Precision.DAY), True),
        ((TODAY + 9 * DAY, Precision.DAY), (YEAR_2023, Precision.DAY), True),
        (None, (-(2**60), Precision.YEAR), True),
    ],
)
def test_what_happened_counts_from_then_and_all_else_from_when_it_was_said_last(
    one: tuple[int, Precision] | None, other: tuple[int, Precision] | None, expected: bool
):
    early = make("early", created=TODAY)
    late = replace(early, id="late", mentioned=3, mentioned_again=TODAY + 1)
    late = replace(late, event_time=EventTime(*one) if one else None)
    early = replace(early, event_time=EventTime(*other) if other else None)
    assert newer(late, early) == expected
    assert newer(early, late) != expected
    assert not newer(early, early)


def test_in_one_batch_the_last_stays():
    plan, changed = take([lives_in("Rome"), lives_in("Berlin"), lives_in("Oslo")], PARIS)
    assert [d.outcome for d in plan.decisions] == [Outcome.SUPERSEDING] * 3
    by = {memory.id: memory.superseded_by for memory in changed.values()}
    assert by == {"paris": "rome", "rome": "berlin", "berlin": "oslo", "oslo": ""}


def test_a_memory_that_names_others_takes_their_place_for_its_reason_and_that_of_its_slot():
    tea = replace(make("tea", "Alice drinks tea."), created=6)
    new = lives_in("Berlin", supersedes=("tea",), supersede_reason="she says so")
    _, changed = take([new], PARIS, tea)
    assert changed["berlin"].supersedes == ("tea", "paris")
    reasons = [changed[name].supersede_reason for name in ("tea", "paris")]
    assert reasons == ["she says so", "same slot"]


def test_what_is_known_in_the_same_words_gets_the_slot_and_its_place():
    berlin = replace(make("there", "Alice lives in Berlin."), created=6)
    plan, changed = take([lives_in("Berlin", sources=(Source("s", ""),))], PARIS, berlin)
    assert [d.outcome for d in plan.decisions] == [Outcome.SUPERSEDING]
    assert (changed["there"].slot, changed["there"].supersedes) == (HOME, ("paris",))
    assert changed["paris"].superseded_by == "there"


def test_of_several_that_are_newer_the_next_takes_the_place():
    later = [
        replace(PARIS, id=name, text=name, event_time=EventTime(time, Precision.DAY), created=time)
        for name, time in (("rome", YEAR_2024), ("oslo", JUNE_2023))
    ]
    new = lives_in("Berlin", event_time=EventTime(YEAR_2023, Precision.DAY))
    _, changed = take([new], *later)
    assert (changed["berlin"].superseded_by, changed["berlin"].valid_to) == ("oslo", JUNE_2023)
    assert set(changed) == {"berlin", "oslo"}


def test_in_whatever_order_they_come_the_newest_is_current():
    moves = [
        lives_in(place, event_time=EventTime(-days * DAY, Precision.DAY))
        for place, days in (("Rome", 4), ("Oslo", 3), ("Bonn", 2), ("Lima", 1))
    ]
    for order in permutations(moves):
        _, changed = take(order)
        assert [m.id for m in changed.values() if m.current] == ["lima"]
        assert changed["lima"].valid_from == -DAY
        assert all(m.valid_to is not None for m in changed.values() if not m.current)


OSLO = replace(PARIS, id="oslo", text="Alice lives in Oslo.", valid_from=JUNE_2023, created=TODAY)
BONN = lives_in("Bonn", id="", valid_from=YEAR_2023)


@pytest.mark.parametrize(
    "first",
    [
        BONN,
        replace(BONN, id="bonn"),
        replace(BONN, valid_to=YEAR_2023 + DAY),
        replace(BONN, valid_from=None, event_time=EventTime(YEAR_2023, Precision.DAY)),
        replace(BONN, event_time=EventTime(YEAR_2023, Precision.DAY)),
    ],
)
@pytest.mark.parametrize("older", [[], [lives_in("Rome", valid_from=YEAR_2023 - DAY)]])
def test_what_is_in_the_history_already_is_not_put_there_again(
    first: NewMemory, older: list[NewMemory]
):
    written, changed = take([*older, first], OSLO, now=TODAY)
    stored = written.decisions[-1].memory
    assert written.decisions[-1].outcome is Outcome.SUPERSEDED
    plan, _ = take([first, replace(first, id="")], *changed.values(), now=TODAY + 1)
    assert plan.decisions == (Decision(Outcome.DUPLICATE, stored),) * 2
    assert plan.changes == ()


def test_what_is_twice_in_a_batch_is_in_the_history_once():
    plan, changed = take([BONN, BONN], OSLO, now=TODAY)
    assert [d.outcome for d in plan.decisions] == [Outcome.SUPERSEDED, Outcome.DUPLICATE]
    assert len(changed) == 2


@pytest.mark.parametrize(
    "other",
    [
        replace(BONN, text="Alice lives in Ulm."),
        replace(BONN, type=MemoryType.EPISODIC),
        replace(BONN, valid_from=YEAR_2023 + DAY),
        replace(BONN, valid_to=YEAR_2023 + DAY),
        replace(BONN, event_time=EventTime(YEAR_2023 - DAY, Precision.DAY)),
    ],
)
def test_what_says_otherwise_or_of_another_time_is_put_into_the_history_beside_it(other: NewMemory):
    _, changed = take([BONN], OSLO, now=TODAY)
    plan, _ = take([other], *changed.values(), now=TODAY + 1)
    assert [d.outcome for d in plan.decisions] == [Outcome.SUPERSEDED]


def test_what_would_be_current_is_said_anew():
    _, changed = take([BONN, lives_in("Rome", valid_from=YEAR_2023 + DAY)], OSLO, now=TODAY)
    left = [memory for memory in changed.values() if memory.id != "oslo"]
    plan, _ = take([BONN], *left, now=TODAY + 9)
    assert [d.outcome for d in plan.decisions] == [Outcome.CREATED]


def test_what_was_true_again_after_another_is_put_into_the_history_again():
    _, changed = take([BONN, replace(BONN, text="Alice lives in Ulm.")], OSLO, now=TODAY)
    plan, after = take([BONN], *changed.values(), now=TODAY + 9)
    (decision,) = plan.decisions
    assert decision.outcome is Outcome.SUPERSEDED
    assert decision.memory is not None
    ulm = next(memory for memory in after.values() if "Ulm" in memory.text)
    assert (decision.memory.superseded_by, ulm.superseded_by) == ("oslo", decision.memory.id)


def test_what_another_took_the_place_of_in_its_slot_is_known_by_its_id_when_it_is_written_again():
    _, changed = take([lives_in("Berlin")], PARIS)
    plan, _ = take([lives_in("Paris")], *changed.values())
    assert plan.decisions == (Decision(Outcome.DUPLICATE, changed["paris"]),)
    assert plan.changes == ()
    # Without its id it is said anew.
    plan, _ = take([lives_in("Paris", id="")], *changed.values(), now=NOW + 9)
    assert [d.outcome for d in plan.decisions] == [Outcome.SUPERSEDING]


def true_at(memory: Memory, time: float) -> bool:
    begun = memory.valid_from is None or memory.valid_from <= time
    return begun and (memory.valid_to is None or time < memory.valid_to)


BEGINNINGS = (None, YEAR_2023, JUNE_2023, TODAY + DAY, TODAY + 2 * DAY)


@pytest.mark.parametrize("begin", list(product(BEGINNINGS, repeat=3)))
def test_of_a_slot_one_memory_is_true_at_a_time_whatever_is_planned(
    begin: tuple[int | None, ...],
):
    places = ("Rome", "Oslo", "Bern")
    new = [lives_in(place, valid_from=time) for place, time in zip(places, begin, strict=True)]
    _, changed = take(new, now=TODAY)
    bounds = {bound for m in changed.values() for bound in (m.valid_from, m.valid_to) if bound}
    for time in bounds:
        assert len([m.id for m in changed.values() if true_at(m, time)]) <= 1


def test_what_is_said_before_a_plan_has_begun_ends_what_the_plan_would_have_ended():
    rome = lives_in("Rome", valid_from=YEAR_2023)
    oslo = lives_in("Oslo", valid_from=TODAY + 9 * DAY)
    _, changed = take([rome, oslo, lives_in("Bern")], now=TODAY)
    bern = changed["bern"]
    assert (changed["rome"].superseded_by, changed["rome"].valid_to) == ("bern", bern.valid_from)
    assert changed["oslo"].superseded_by == "bern"
    assert changed["oslo"].valid_to == changed["oslo"].valid_from
    assert set(bern.supersedes) == {"oslo", "rome"}
