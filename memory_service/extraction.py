"""Extract what a session has new, and commit it: used by the pump and by FlushSession alike.

Safety comes from the fence in the commit: it succeeds only if the session's generation and cursor
and the owner's memory revision are still what was read. So any number of processes may do this.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from memory_service.attempts import until_written
from memory_service.clock import Clock
from memory_service.domain.conversation import turns
from memory_service.domain.errors import ExtractionFailed
from memory_service.domain.failed_ranges import FailedRange
from memory_service.domain.known_entities import KnownEntity
from memory_service.domain.memory import NewMemory, embedded_text
from memory_service.domain.owner import Owner, SessionRef
from memory_service.domain.session import Message, Session
from memory_service.embedding import EmbeddingClient
from memory_service.extraction_metrics import ExtractionMetrics
from memory_service.extractor import Extractor
from memory_service.guarding import Guard
from memory_service.keyed_locks import KeyedLocks
from memory_service.log_names import log_names
from memory_service.reconciling import Reconciling
from memory_service.store.commits import SessionAdvance
from memory_service.store.memories import Fence, MemoryStore
from memory_service.store.queue import Notice, added_at
from memory_service.store.sessions import SessionStore, Unextracted
from service_kit.tracing.spans import NO_SPANS, Kind, Spans

logger = logging.getLogger(__name__)

ATTEMPTS_PER_INPUT = 3
"""How often the same messages may fail before they are halved, or given up if it is one message."""


LARGEST_DELTA = 256
"""Messages that no delta has more of, whatever the settings say."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far `generation` has been dealt with, and whether this step `committed` something.

    Messages are extracted up to `cursor`, memories of the session promoted up to `promoted`;
    `retrying` messages of failed ranges are still to be extracted again. `finished`: nothing is
    left, whatever a notice says; Redis may have lost what it was written of.
    """

    generation: int
    cursor: int
    committed: bool
    retrying: int = 0
    promoted: int = 0
    finished: bool = False

    def fulfils(self, notice: Notice) -> bool:
        """Whether nothing is left to do for `notice`."""
        extracted = notice.tail <= self.cursor and not self.retrying
        done = extracted and notice.given <= self.promoted
        return notice.generation != self.generation or done or self.finished


class SessionExtraction:
    """Takes a session's new messages to the extractor and what is found into its owner's memory.

    Memories that callers put into the session go the same way, but for the extractor.
    """

    def __init__(
        self,
        sessions: SessionStore,
        memories: MemoryStore,
        extractor: Extractor,
        embedding: EmbeddingClient,
        reconciling: Reconciling,
        guard: Guard,
        locks: KeyedLocks[Owner],
        clock: Clock,
        *,
        delta_messages: int,
        metrics: ExtractionMetrics | None = None,
        spans: Spans = NO_SPANS,
    ) -> None:
        self._sessions = sessions
        self._memories = memories
        self._extractor = extractor
        self._embedding = embedding
        self._reconciling = reconciling
        self._guard = guard
        self._locks = locks
        self._clock = clock
        self._delta_messages = delta_messages
        self._metrics = metrics or ExtractionMetrics()
        self._spans = spans

    async def step(
        self, ref: SessionRef, notices: Iterable[Notice] = (), *, most: int = LARGEST_DELTA
    ) -> Progress | None:
        """Extract and commit the next delta of the session; None if there is no such session.

        It has at most so many messages. The commit acknowledges those of `notices` that it makes
        good. Raises ExtractorTooSlow, ExtractorUnavailable; nothing has changed then.
        """
        size = min(self._delta_messages, most)
        tried: tuple[Message, ...] = ()
        failures = 0
        while True:
            session = await self._sessions.find(ref)
            if session is None:
                return None
            if not session.pending and not session.pending_memories:
                return replace(_unchanged(session), finished=True)
            work = await self._next(session, size)
            if work is None:
                continue
            failed: FailedRange | None = None
            try:
                found = await self._extract(work)
            except ExtractionFailed as error:
                # Another process may have put other messages in the place of those that failed.
                failures = failures + 1 if work.messages == tried else 1
                tried = work.messages
                if failures < ATTEMPTS_PER_INPUT:
                    continue
                if len(work.messages) > 1:
                    size = len(work.messages) // 2
                    continue
                found, failed = [], self._failed(work, error)
            return await self._commit(work, found, failed, list(notices))

    async def _next(self, session: Session, size: int) -> Unextracted | None:
        """Return what is to be dealt with next; the extractor is asked only if it is needed."""
        if not session.pending or not session.options.strategy.extracts:
            return await self._sessions.unextracted(session, limit=size, context=1)
        limits = await self._extractor.limits()
        return await self._sessions.unextracted(
            session, limit=min(size, limits.messages), context=max(limits.context, 1)
        )

    async def _extract(self, work: Unextracted) -> list[NewMemory]:
        if not work.messages or not work.session.options.strategy.extracts:
            return []
        session = work.session
        return await self._extractor.extract(
            session.ref,
            _in_zone(work.context, session),
            _in_zone(work.messages, session),
            session.options.strategy,
            _known(work),
        )

    def _failed(self, work: Unextracted, error: ExtractionFailed) -> FailedRange:
        extra = {"reason": error.reason, **log_names(work.session.ref)}
        logger.warning("messages given up", extra=extra)
        return FailedRange(work.first, work.last, error.reason, self._clock.now())

    async def _commit(
        self,
        work: Unextracted,
        found: list[NewMemory],
        failed: FailedRange | None,
        notices: list[Notice],
    ) -> Progress:
        session = work.session
        owner = session.ref.owner
        advance = _advance(work, failed)
        progress = Progress(
            session.generation,
            advance.cursor,
            committed=True,
            retrying=replace(session, failed_ranges=advance.failed_ranges).retrying,
            promoted=advance.given_cursor,
        )
        done = tuple(notice.id for notice in notices if progress.fulfils(notice))
        advance = replace(advance, notices=done)
        # What a caller wrote comes first: what is found to say the same only adds to it.
        spoken = await self._spoken(work)
        embedded = await self._embedded([*spoken, *work.given])
        spoken, given = embedded[: len(spoken)], embedded[len(spoken) :]

        async def attempt() -> Progress | None:
            plan, base = await self._reconciling.plan(owner, given, found, spoken)
            written = await self._memories.commit(owner, plan, base=base, advance=advance)
            if written is Fence.SESSION:
                # Somebody else got there first: what they left is the truth.
                return _unchanged(session)
            return None if written is Fence.REVISION else progress

        counts = {"agentmemory.found": len(found), "agentmemory.given": len(given)}
        with self._spans.span("commit memories", Kind.INTERNAL, counts):
            async with self._locks.hold(owner):
                reached = await until_written(attempt)
        if reached.committed:
            self._count(work, failed, advance.notices)
        return reached

    def _count(self, work: Unextracted, failed: FailedRange | None, notices: Iterable[str]) -> None:
        self._metrics.messages.inc(len(work.messages))
        if failed:
            self._metrics.given_up.inc(len(work.messages))
        now = self._clock.now() / 1_000_000
        for notice in notices:
            self._metrics.lag_seconds.observe(max(0.0, now - added_at(notice)))

    async def _spoken(self, work: Unextracted) -> list[NewMemory]:
        """Return the messages as memories, without what the guard keeps out."""
        session = work.session
        if not session.options.searchable:
            return []
        said = _in_zone(work.messages, session)
        return await self._guard.turns(turns(session.ref, work.context, said))

    async def _embedded(self, given: Sequence[NewMemory]) -> list[NewMemory]:
        """Return the memories with vectors, if the extractor answers in time."""
        vectors = await self._embedding.documents([embedded_text(m.text, m.turn) for m in given])
        if vectors is None:
            return list(given)
        return [replace(memory, vector=v) for memory, v in zip(given, vectors, strict=True)]


def _unchanged(session: Session) -> Progress:
    return Progress(
        session.generation,
        session.cursor,
        committed=False,
        retrying=session.retrying,
        promoted=session.given_cursor,
    )


def _in_zone(messages: Sequence[Message], session: Session) -> list[Message]:
    return [message.in_zone(session.options.time_zone) for message in messages]


def _known(work: Unextracted) -> tuple[KnownEntity, ...]:
    return work.acquaintance.entities if work.acquaintance else ()


def _advance(work: Unextracted, failed: FailedRange | None) -> SessionAdvance:
    session, promoted = work.session, len(work.given)
    if not work.again:
        # Without messages, the range is empty and ends at the cursor.
        return SessionAdvance(
            session,
            work.last,
            failed=failed,
            promoted=promoted,
            acquaintance=work.acquaintance if work.messages else None,
        )
    again = (work.first, work.last)
    return SessionAdvance(session, session.cursor, failed=failed, again=again, promoted=promoted)
