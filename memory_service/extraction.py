"""Extract what a session has new, and commit it: used by the pump and by FlushSession alike.

Safety comes from the fence in the commit: it succeeds only if the session's generation and cursor
and the owner's memory revision are still what was read. So any number of processes may do this.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace

from memory_service.attempts import until_written
from memory_service.clock import Clock
from memory_service.domain.errors import ExtractionFailed
from memory_service.domain.failed_ranges import FailedRange
from memory_service.domain.memory import NewMemory, fact_digest
from memory_service.domain.owner import Owner, SessionRef
from memory_service.domain.reconcile import reconcile
from memory_service.domain.session import Message, Session
from memory_service.extractor import Extractor
from memory_service.keyed_locks import KeyedLocks
from memory_service.store.memories import Fence, MemoryStore, SessionAdvance
from memory_service.store.queue import Notice
from memory_service.store.sessions import SessionStore, Unextracted

logger = logging.getLogger(__name__)

ATTEMPTS_PER_INPUT = 3
"""How often the same messages may fail before they are halved, or given up if it is one message."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far `generation` has been extracted, and whether this step `committed` something.

    `retrying` messages of failed ranges are still to be extracted again.
    """

    generation: int
    cursor: int
    committed: bool
    retrying: int = 0

    def fulfils(self, notice: Notice) -> bool:
        """Whether nothing is left to do for `notice`."""
        done = notice.tail <= self.cursor and not self.retrying
        return notice.generation != self.generation or done


class SessionExtraction:
    """Takes a session's new messages to the extractor and what is found into its owner's memory."""

    def __init__(
        self,
        sessions: SessionStore,
        memories: MemoryStore,
        extractor: Extractor,
        locks: KeyedLocks[Owner],
        clock: Clock,
        *,
        delta_messages: int,
    ) -> None:
        self._sessions = sessions
        self._memories = memories
        self._extractor = extractor
        self._locks = locks
        self._clock = clock
        self._delta_messages = delta_messages

    async def step(self, ref: SessionRef, notices: Iterable[Notice] = ()) -> Progress | None:
        """Extract and commit the next delta of the session; None if there is no such session.

        The commit acknowledges those of `notices` that it makes good. Raises ExtractorUnavailable;
        nothing has changed then.
        """
        limits = await self._extractor.limits()
        size = min(self._delta_messages, limits.messages)
        tried: tuple[Message, ...] = ()
        failures = 0
        while True:
            work = await self._sessions.unextracted(ref, limit=size, context=limits.context)
            if work is None:
                return None
            if not work.messages:
                return _unchanged(work.session)
            failed: FailedRange | None = None
            try:
                found = await self._extractor.extract(ref, work.context, work.messages)
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

    def _failed(self, work: Unextracted, error: ExtractionFailed) -> FailedRange:
        first, last = work.messages[0].sequence, work.messages[-1].sequence
        logger.warning("messages given up", extra={"reason": error.reason})
        return FailedRange(first, last, error.reason, self._clock.now())

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
        after = replace(session, cursor=advance.cursor, failed_ranges=advance.failed_ranges)
        progress = replace(_unchanged(after), committed=True)
        done = tuple(notice.id for notice in notices if progress.fulfils(notice))
        advance = replace(advance, notices=done)
        digests = [fact_digest(memory) for memory in found]
        ids = [memory.id for memory in found]

        async def attempt() -> Progress | None:
            known = await self._memories.known(owner, digests, ids)
            plan = reconcile(owner, found, known, self._clock.now())
            written = await self._memories.commit(owner, plan, base=known.state, advance=advance)
            if written is Fence.SESSION:
                # Somebody else got there first: what they left is the truth.
                return _unchanged(session)
            return None if written is Fence.REVISION else progress

        async with self._locks.hold(owner):
            return await until_written(attempt)


def _unchanged(session: Session) -> Progress:
    return Progress(session.generation, session.cursor, committed=False, retrying=session.retrying)


def _advance(work: Unextracted, failed: FailedRange | None) -> SessionAdvance:
    first, last = work.messages[0].sequence, work.messages[-1].sequence
    if work.again:
        return SessionAdvance(work.session, work.session.cursor, failed=failed, again=(first, last))
    return SessionAdvance(work.session, last, failed=failed)
