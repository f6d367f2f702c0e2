"""What a new fact is to known ones: a pure decision.

Facts of one subject and slot take each other's place, the newer that of the older. What has no slot
is at most the same as another: near in meaning, about the same person, with the same numbers, dates
and names, and neither denied where the other is not.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from extractor_service.facts import Fact
from extractor_service.reading import Claim


class Decision(enum.Enum):
    """What a new fact is to the known ones that it has to do with."""

    ADD = "add"
    DUPLICATE = "duplicate"
    UPDATE = "update"
    SUPERSEDE = "supersede"
    SUPERSEDED = "superseded"
    CONTRADICT = "contradict"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A known fact, and the cosine of its vector with the new one's."""

    fact: Fact
    similarity: float


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which cosine on two sentences say the same: one that says more, or in other words."""

    contained: float
    reworded: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision, the ids of the known facts that it is about, and why."""

    decision: Decision
    ids: tuple[str, ...] = ()
    reason: str = "nothing known is like it"


class _Relation(enum.Enum):
    NONE = enum.auto()
    SAME = enum.auto()
    MORE = enum.auto()
    LATER = enum.auto()
    EARLIER = enum.auto()
    AT_ODDS = enum.auto()


def relate(new: Fact, known: Sequence[Neighbour], thresholds: Thresholds) -> Verdict:
    """What `new` is to the known facts; the order in which they come changes nothing."""
    ordered = sorted(known, key=lambda each: (-each.similarity, each.fact.id))
    found: dict[_Relation, list[Fact]] = {relation: [] for relation in _Relation}
    for each in ordered:
        found[_relation(new, each, thresholds)].append(each.fact)
    later = found[_Relation.EARLIER]
    same = found[_Relation.SAME] or found[_Relation.MORE]
    if later:
        return _superseded(later)
    if found[_Relation.LATER]:
        # What said the same before has been given up since, or would stand beside the new one.
        again = [fact for fact in same if fact.place and fact.place == new.place]
        replaced = sorted(fact.id for fact in (*found[_Relation.LATER], *again))
        return Verdict(Decision.SUPERSEDE, tuple(replaced), _why_later(new))
    if same:
        more = not found[_Relation.SAME]
        return Verdict(
            Decision.UPDATE if more else Decision.DUPLICATE,
            (same[0].id,),
            "the same, with more detail" if more else "the same is known",
        )
    if found[_Relation.AT_ODDS]:
        ids = tuple(sorted(fact.id for fact in found[_Relation.AT_ODDS]))
        return Verdict(Decision.CONTRADICT, ids, "same slot, neither is known to be newer")
    return Verdict(Decision.ADD)


def _superseded(later: Sequence[Fact]) -> Verdict:
    latest = max(later, key=lambda fact: (fact.since is not None, fact.since, fact.id))
    return Verdict(Decision.SUPERSEDED, (latest.id,), "same slot, the known one is newer")


def _why_later(new: Fact) -> str:
    if new.claim.replaced:
        return "same slot, corrected"
    return "same slot, no longer so" if not new.claim.holds else "same slot, newer"


# --- two facts ---------------------------------------------------------------------------------


def _relation(new: Fact, known: Neighbour, thresholds: Thresholds) -> _Relation:
    if new.text == known.fact.text and _of_one_time(new, known.fact):
        return _Relation.SAME
    if _share_a_place(new, known.fact):
        alike = _alike(new.claim, known.fact.claim)
        if alike is False:
            return _in_turn(new, known.fact)
        if alike is True:
            # What both put there is no detail; a longer value is one, or more.
            value = new.claim.value & known.fact.claim.value
            return _more_or_less(_details(new, value), _details(known.fact, value))
    return _near(new, known, thresholds)


def _share_a_place(new: Fact, known: Fact) -> bool:
    """Whether one may take the other's: of facts of the user one may lack their name or ours."""
    named = new.own == known.own and (new.is_of_the_user or known.is_of_the_user)
    return bool(new.place) and (new.place == known.place or named)


def _alike(new: Claim, known: Claim) -> bool | None:
    """Whether two claims of one slot agree; None where both may be true, and need not be one."""
    if new.replaced & known.value or known.replaced & new.value:
        return False
    if new.holds and known.holds and (new.value & known.excludes or known.value & new.excludes):
        return False
    comparable = new.value <= known.value or known.value <= new.value
    if new.holds != known.holds:
        return False if comparable else None
    moved = new.shifts != known.shifts and new.value != known.value
    if not (new.exclusive and known.exclusive and new.holds):
        return False if moved and new.holds else None
    return comparable and not moved


def _in_turn(new: Fact, known: Fact) -> _Relation:
    """Which of two takes the place of the other.

    Neither does where it is one more of what was moved, or where the older stays true.
    """
    order = _order(new, known)
    newer, older = (new, known) if order is _Relation.LATER else (known, new)
    beside = older.claim.shifts and newer.claim.holds and not newer.claim.exclusive
    return _Relation.NONE if beside or older.claim.stays else order


def _order(new: Fact, known: Fact) -> _Relation:
    """Which of two that disagree is newer."""
    mine, theirs = new.since, known.since
    if mine is not None and theirs is not None and mine != theirs:
        return _Relation.LATER if mine > theirs else _Relation.EARLIER
    if new.claim.corrects != known.claim.corrects:
        return _Relation.LATER if new.claim.corrects else _Relation.EARLIER
    return _Relation.AT_ODDS


def _details(fact: Fact, value: frozenset[str]) -> frozenset[str]:
    """What a fact tells beside a value, and beside whom it is about, by whatever name."""
    subject = frozenset(fact.reading.subject.split())
    return fact.reading.words - value - subject - _TELLING_NO_MORE


def _more_or_less(mine: frozenset[str], theirs: frozenset[str]) -> _Relation:
    if mine <= theirs:
        return _Relation.SAME
    return _Relation.MORE if theirs < mine else _Relation.NONE


def _near(new: Fact, known: Neighbour, thresholds: Thresholds) -> _Relation:
    """Whether two sentences say the same, without a slot to tell."""
    if known.similarity < thresholds.contained or not _could_be_one(new, known.fact):
        return _Relation.NONE
    mine, theirs = new.reading.words - _LIGHT, known.fact.reading.words - _LIGHT
    if not (mine & theirs) - frozenset(new.reading.subject.split()):
        return _Relation.NONE  # "Alice has done it": whom it is about is all there is
    if mine <= theirs or theirs < mine:
        return _more_or_less(mine, theirs)
    reworded = known.similarity >= thresholds.reworded and len(mine ^ theirs) <= _MOST_REWORDED
    return _Relation.SAME if reworded else _Relation.NONE


def _of_one_time(new: Fact, known: Fact) -> bool:
    return known.event is None if new.event is None else new.event.same(known.event)


def _could_be_one(new: Fact, known: Fact) -> bool:
    """Whether nothing that an embedding hardly sees tells two sentences apart."""
    mine, theirs = new.reading, known.reading
    if new.event is not None and known.event is not None and not new.event.same(known.event):
        return False
    if new.place != known.place and new.slot and known.slot:
        return False
    return (mine.subject, mine.names, mine.numbers, mine.stance) == (
        theirs.subject, theirs.names, theirs.numbers, theirs.stance,
    )  # fmt: skip


_MOST_REWORDED = 2
"""Words in which two sentences may differ, one of each."""

# What says the same of a home, a job, a plan: whoever has moved somewhere lives there.
_TELLING_NO_MORE = frozenset(
    "live reside move relocate settle base locate work start join become plan want hope go be "
    "currently now still new job favourite name call spell turn old year back book arrange "
    "schedule organize trip flight holiday vacation journey visit marry".split()
)
_LIGHT = frozenset("also really currently now still just always often very much lot own".split())
