"""Export all that an owner has, record by record, from any place on.

Memories come by id. One that is created while the export runs may have an id that has been passed.
So those come after the sessions: no session says of a message that it has been extracted whose
memories are not there.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from memory_service.cancellation import check_cancelled
from memory_service.domain.changes import Earlier
from memory_service.domain.filters import TimeRange
from memory_service.domain.owner import Owner, SessionRef
from memory_service.domain.sizes import RESPONSE_BYTES, record_bytes
from memory_service.domain.transfer import DeletedFact, Record, SessionHead, Waiting
from memory_service.page_tokens import PageTokens
from memory_service.store.exports import MESSAGES, ExportReader, Found, created
from memory_service.store.sessions import Whole

MOST_RECORDS = 1000
"""In one response, so that it can be imported as it is."""


@dataclass(frozen=True, slots=True)
class Exported:
    """Some records; where to go on, empty after the last; how many there were, and will be."""

    records: tuple[Record, ...]
    cursor: str
    count: int
    total: int


@dataclass(frozen=True, slots=True)
class _Memory:
    """After a memory and its earlier states up to the place `state`."""

    id: str
    offset: int
    revision: int = 0
    state: int = 0


@dataclass(frozen=True, slots=True)
class _Session:
    """After a session, the waiting memories up to `given`, the messages up to `sequence`."""

    id: str
    generation: int
    tail: int
    given: int = 0
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class _Fact:
    """After a deleted fact."""

    digest: str


_Position = _Memory | _Session | _Fact
_Step = tuple[Record, _Position]
_Steps = AsyncGenerator[_Step]


@dataclass(frozen=True, slots=True)
class _Progress:
    """Where an export has come to: in the `part` of this number, after `position` if there is one.

    `newest` is when the last memory was created that was there when the export began.
    """

    newest: int
    count: int
    total: int
    part: int = 0
    position: _Position | None = None

    def pack(self) -> list[Any]:
        """Return what a cursor says."""
        place = self.position
        fields = [] if place is None else [getattr(place, name) for name in place.__slots__]
        return [self.newest, self.count, self.total, self.part, *fields]

    @classmethod
    def unpack(cls, packed: list[Any]) -> _Progress:
        """Undo `pack`."""
        newest, count, total, part, *fields = packed
        position = _PARTS[part].position(*fields) if fields else None
        return cls(newest, count, total, part, position)


class Exporting:
    """Exports at the receiver's pace: nothing is read before what was read before is taken."""

    def __init__(
        self, reader: ExportReader, tokens: PageTokens, *, max_seconds: float = 0.0
    ) -> None:
        """An export ends after `max_seconds`, as by `close`; 0: when it is complete."""
        self._max_seconds = max_seconds or float("inf")
        self._reader = reader
        self._tokens = tokens
        self._closed = False

    async def close(self) -> None:
        """End all exports after the response that is being made; none begins any more."""
        self._closed = True

    async def export(
        self, owner: Owner, *, arguments: bytes, cursor: str
    ) -> AsyncGenerator[Exported]:
        """Give records from `cursor` on, as many at a time as fit into a response.

        Only the last answer has no cursor. Raises InvalidPageToken, SearchTimeout.
        """
        ends = time.monotonic() + self._max_seconds
        packed = self._tokens.open(arguments, cursor)
        progress = _Progress.unpack(packed) if packed else await self._begin(owner)
        records: list[Record] = []
        size = 0
        async with aclosing(_Walk(self._reader, owner).steps(progress)) as steps:
            async for record, after in steps:
                check_cancelled()
                size += record_bytes(record)
                if records and (size > RESPONSE_BYTES or len(records) == MOST_RECORDS):
                    yield self._exported(records, progress, arguments)
                    if self._closed or time.monotonic() >= ends:
                        return
                    records, size = [], record_bytes(record)
                records.append(record)
                progress = after
        yield Exported(tuple(records), "", progress.count, progress.count)

    async def _begin(self, owner: Owner) -> _Progress:
        newest, total = await self._reader.begin(owner)
        return _Progress(newest, 0, total)

    def _exported(self, records: list[Record], progress: _Progress, arguments: bytes) -> Exported:
        cursor = self._tokens.seal(arguments, progress.pack())
        total = max(progress.total, progress.count)
        return Exported(tuple(records), cursor, progress.count, total)


class _Walk:
    """All records of an owner, each with the progress after it."""

    def __init__(self, reader: ExportReader, owner: Owner) -> None:
        self._reader = reader
        self._owner = owner

    async def steps(self, progress: _Progress) -> AsyncGenerator[tuple[Record, _Progress]]:
        """Yield the records after `progress`."""
        for number in range(progress.part, len(_PARTS)):
            part = _PARTS[number]
            at = progress.position if number == progress.part else None
            async with aclosing(part.walk(self, progress.newest, at)) as steps:
                async for record, position in steps:
                    # History and what waits was not known beforehand.
                    more = isinstance(record, Earlier | Waiting) or number == _LATE
                    progress = _Progress(
                        progress.newest,
                        progress.count + 1,
                        progress.total + more,
                        number,
                        position,
                    )
                    yield record, progress

    async def early(self, newest: int, at: Any) -> _Steps:
        """Yield the memories that were there when the export began."""
        async with aclosing(self._memories(created(until=newest), at)) as steps:
            async for step in steps:
                yield step

    async def late(self, newest: int, at: Any) -> _Steps:
        """Yield the memories that came since."""
        async with aclosing(self._memories(created(since=newest), at)) as steps:
            async for step in steps:
                yield step

    async def _memories(self, times: TimeRange, at: _Memory | None) -> _Steps:
        if at is not None:
            rest = await self._reader.history(self._owner, at.id, after=at.state, upto=at.revision)
            for place, earlier in rest:
                at = replace(at, state=place)
                yield earlier, at
        after = (at.id, at.offset) if at else None
        while found := await self._reader.memories(self._owner, times, after):
            for each in found:
                for step in _with_states(each):
                    yield step
            after = (found[-1].id, found[-1].offset)

    async def sessions(self, newest: int, at: Any) -> _Steps:
        """Yield the sessions, each with the memories that wait in it, and its messages."""
        if at is not None:
            async with aclosing(self._rest(await self._whole(at.id), at)) as steps:
                async for step in steps:
                    yield step
        after = at.id if at else ""
        while names := await self._reader.session_ids(self._owner, after):
            for after in names:
                whole = await self._whole(after)
                if whole is None:
                    continue
                session = whole.session
                begun = _Session(after, session.generation, session.tail)
                yield SessionHead(session, whole.notes, whole.summary), begun
                async with aclosing(self._rest(whole, begun)) as steps:
                    async for step in steps:
                        yield step

    async def _whole(self, session_id: str) -> Whole | None:
        return await self._reader.session(SessionRef(self._owner, session_id))

    async def _rest(self, whole: Whole | None, at: _Session) -> _Steps:
        if whole is None or whole.session.generation != at.generation:
            return
        first = whole.session.given_cursor + 1
        for number, memory in enumerate(whole.given, first):
            if at.sequence == 0 and number > at.given:
                at = replace(at, given=number)
                yield Waiting(memory), at
        ref = whole.session.ref
        while at.sequence < at.tail:
            first, last = at.sequence + 1, min(at.sequence + MESSAGES, at.tail)
            found = await self._reader.messages(ref, at.generation, first, last)
            if not found:
                return
            for message in found:
                at = replace(at, sequence=message.sequence)
                yield message, at

    async def facts(self, newest: int, at: Any) -> _Steps:
        """Yield the facts that were deleted."""
        after = at.digest if at else ""
        while found := await self._reader.deleted_facts(self._owner, after):
            for after in found:
                yield DeletedFact(after), _Fact(after)


def _with_states(found: Found) -> list[_Step]:
    if found.memory is None:
        return []
    at = _Memory(found.id, found.offset, found.memory.revision)
    states = [(earlier, replace(at, state=place)) for place, earlier in found.states]
    return [(found.memory, at), *states]


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of an export, and what its positions are."""

    walk: Callable[[_Walk, int, Any], _Steps]
    position: Callable[..., _Position]


_PARTS = (
    _Part(_Walk.early, _Memory),
    _Part(_Walk.sessions, _Session),
    _Part(_Walk.late, _Memory),
    _Part(_Walk.facts, _Fact),
)
_LATE = 2
