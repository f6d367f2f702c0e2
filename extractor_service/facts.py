"""A fact as it is compared with others: what it says, in whose place, and since when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from dateutil.relativedelta import relativedelta

from extractor_service.domain import UNNAMED, EventTime, Precision
from extractor_service.reading import NO_READING, Claim, Reading

_DENIAL = frozenset({"not"})

_UNITS = {
    Precision.YEAR: relativedelta(years=1),
    Precision.MONTH: relativedelta(months=1),
    Precision.WEEK: relativedelta(weeks=1),
    Precision.DAY: relativedelta(days=1),
    Precision.MINUTE: relativedelta(minutes=1),
}


@dataclass(frozen=True, slots=True)
class Fact:
    """A memory as it is compared: `slot` is what its writer gave it, "" if nothing.

    `begun`: from when on its writer says that it is true.
    """

    id: str
    text: str
    reading: Reading = NO_READING
    slot: str = ""
    event: EventTime | None = None
    mentioned: datetime | None = None
    begun: datetime | None = None

    @property
    def place(self) -> str:
        """The slot that was given, else the one that its words have."""
        return self.slot.casefold() or self.own

    @property
    def claim(self) -> Claim:
        """What it puts in its place; all its words, where they are not understood."""
        if self.own == self.place or self.is_of_the_user:
            return replace(self.reading.claim, slot=self.place)
        denial = self.reading.stance & _DENIAL
        return Claim(self.place, self.reading.words | denial, excludes=_DENIAL - denial)

    @property
    def own(self) -> str:
        """The slot that its words have."""
        return self.reading.claim.slot.casefold()

    @property
    def is_of_the_user(self) -> bool:
        """Whether it was given the slot of "the user" and has that of a name that they go by."""
        subject, _, attribute = self.slot.casefold().partition("|")
        return subject.startswith(UNNAMED) and self.own.partition("|")[2] == attribute != ""

    @property
    def since(self) -> datetime | None:
        """When it became true, as far as is known.

        What happened, when it happened; what has a beginning of its own, then; all else, and what
        is yet to be, when it was said. One time for each fact puts all of them in one order,
        whichever comes first.
        """
        time = self.begun if self.event is None else None
        if self.event is not None and (self.claim.happened or self.mentioned is None):
            time = _end(self.event)
        return min((t for t in (time, self.mentioned) if t is not None), default=None)


def _end(event: EventTime) -> datetime:
    """Of the year 2023, when it was over; of the last year that there is, its start."""
    try:
        return event.time + _UNITS[event.precision]
    except (ValueError, OverflowError):
        return event.time
