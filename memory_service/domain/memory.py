"""A long-term memory, as the domain knows it. Times are integer microseconds since the epoch."""

from __future__ import annotations

import enum
import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from memory_service.domain.owner import Owner
from memory_service.domain.session import Role
from service_kit.time_zones import in_zone, start_of_unit

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MemoryType(enum.Enum):
    """What kind of memory; the value is stored and never changes."""

    SEMANTIC = "semantic"
    EPISODIC = "episodic"
    MESSAGE = "message"


FACTS = (MemoryType.SEMANTIC, MemoryType.EPISODIC)
"""The types that lists and searches cover unless others are asked for."""


class Precision(enum.Enum):
    """How much of an event time is known."""

    YEAR = "year"
    MONTH = "month"
    WEEK = "week"
    DAY = "day"
    MINUTE = "minute"


@dataclass(frozen=True, slots=True)
class Entity:
    """Who or what a memory is about."""

    name: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class EventTime:
    """When something happened: `micros` is the start of the unit that `precision` names.

    `zone` is the name of the time zone of whose calendar the unit is; UTC if it is empty.
    """

    micros: int
    precision: Precision
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Bytes [start, end) of the UTF-8 text of one message of one session; `said` then, if known."""

    session_id: str
    message_id: str
    start: int = 0
    end: int = 0
    said: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Turn:
    """Where a message stands in its session, who said it, and what was said right before it."""

    sequence: int
    role: Role
    speaker: str = ""
    preceding: str = ""


@dataclass(frozen=True, slots=True)
class NewMemory:
    """A memory on its way in, from a caller or from the extractor; `vector` may come later.

    `vector` is little-endian float32, `metadata` the JSON of an object, or empty. `supersedes` are
    ids of memories whose place it is to take, for `supersede_reason`. `slot` says what of whom it
    tells, where only one such fact is true at a time. `mentioned`: when it was said; None for when
    it is stored. `untrusted`: it may be there to instruct whoever reads it. Messages have a `turn`.
    """

    id: str
    text: str
    type: MemoryType
    topics: tuple[str, ...] = ()
    entities: tuple[Entity, ...] = ()
    event_time: EventTime | None = None
    sources: tuple[Source, ...] = ()
    confidence: float = 1.0
    extractor: str = ""
    vector: bytes | None = None
    metadata: str = ""
    pinned: bool = False
    valid_from: int | None = None
    valid_to: int | None = None
    supersedes: tuple[str, ...] = ()
    supersede_reason: str = ""
    slot: str = ""
    mentioned: int | None = None
    untrusted: bool = False
    turn: Turn | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """A memory as it is stored.

    It was true in [valid_from, valid_to), None for open. `superseded_by` took its place at
    `superseded`, for `supersede_reason`; `supersedes` are those whose place it took itself.
    `end_learned`: valid_to became known only when it was superseded. It was said first when it was
    `mentioned`, None for created, and last when it was `mentioned_again`, None for never since.
    `contradicts` are those that say otherwise, without an order between them. Messages have a
    `turn`.
    """

    owner: Owner
    id: str
    text: str
    type: MemoryType
    topics: tuple[str, ...]
    entities: tuple[Entity, ...]
    event_time: EventTime | None
    sources: tuple[Source, ...]
    confidence: float
    extractor: str
    embedded: bool
    created: int
    updated: int
    revision: int
    metadata: str = ""
    pinned: bool = False
    valid_from: int | None = None
    valid_to: int | None = None
    supersedes: tuple[str, ...] = ()
    superseded_by: str = ""
    superseded: int | None = None
    supersede_reason: str = ""
    end_learned: bool = False
    slot: str = ""
    mentioned: int | None = None
    mentioned_again: int | None = None
    untrusted: bool = False
    contradicts: tuple[str, ...] = ()
    turn: Turn | None = None

    @property
    def current(self) -> bool:
        """Whether no other memory has taken its place."""
        return self.superseded is None

    @property
    def first_said(self) -> int:
        """When it was said first, in microseconds."""
        return self.created if self.mentioned is None else self.mentioned

    @property
    def last_said(self) -> int:
        """When it was said last, as far as its sources tell."""
        return self.first_said if self.mentioned_again is None else self.mentioned_again

    @property
    def etag(self) -> str:
        """The owner's revision at the last change tells two states of a memory apart."""
        return f"{self.revision:x}"


def ends_before_it_begins(memory: Memory | NewMemory) -> bool:
    """Tell whether there is no time at which a memory is true."""
    if memory.valid_from is None or memory.valid_to is None:
        return False
    return memory.valid_to <= memory.valid_from


def embedded_text(text: str, turn: Turn | None) -> str:
    """Return what a memory's vector is made of: its own text, and what was said right before it.

    A turn often says little without the one that it answers. The speaker's name is left out: in a
    small model's vectors it outweighs what is said.
    """
    return f"{text}\n{turn.preceding}" if turn and turn.preceding else text


def calendar_micros(event: EventTime) -> int:
    """Return the same for the same day of the calendar, in whatever zone; a minute is a moment."""
    if not event.zone or event.precision is Precision.MINUTE:
        return event.micros
    return (reading(event).replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


def reading(event: EventTime) -> datetime:
    """Return what calendar and clock in the event's zone show as it begins."""
    return in_zone(EPOCH + timedelta(microseconds=event.micros), event.zone)


def event_of(micros: int, precision: Precision, zone: str) -> EventTime:
    """Return the event time of the unit that this moment is in, by the calendar of the zone."""
    moment = reading(EventTime(micros, precision, zone))
    start = start_of_unit(moment, precision.value)
    return EventTime((start - EPOCH) // timedelta(microseconds=1), precision, zone)


def fact_digest(memory: Memory | NewMemory) -> str:
    """Tell whether two memories say the same thing, in the same words, of the same time.

    Case, white space, final full stops and exclamation marks, and Unicode compatibility forms do
    not count. A message is the same as itself alone: two people may both say "ok".
    """
    if memory.type is MemoryType.MESSAGE:
        return stable_id((memory.type.value, memory.id))
    words = unicodedata.normalize("NFKC", memory.text).casefold().split()
    folded = " ".join(words).rstrip(" .!")
    time = str(calendar_micros(memory.event_time)) if memory.event_time else ""
    return stable_id((memory.type.value, folded, time))


def extracted_id(owner: Owner, source: Source, extractor: str, fact: str) -> str:
    """Give an extracted memory the same id whenever it is extracted again; `fact`: its digest."""
    parts = (
        owner.tenant,
        owner.namespace,
        owner.kind.value,
        owner.id,
        source.session_id,
        source.message_id,
        f"{source.start}-{source.end}",
        extractor,
        fact,
    )
    return stable_id(parts)


def stable_id(parts: Sequence[str]) -> str:
    """Hash `parts` into an id of 26 characters; no part can run into the next."""
    digest = hashlib.blake2b(digest_size=13)
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()
