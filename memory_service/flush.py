"""Flush: extract a session now, and come back when it is committed."""

from __future__ import annotations

import asyncio

from memory_service.cancellation import check_cancelled
from memory_service.domain.errors import SessionNotFound
from memory_service.domain.owner import SessionRef
from memory_service.domain.session import Session
from memory_service.extraction import SessionExtraction
from memory_service.store.leases import Leases
from memory_service.store.sessions import SessionStore

POLL_SECONDS = 0.05
"""How often to look whether another process has finished the session."""


class Flush:
    """Extracts on behalf of a caller who waits."""

    def __init__(
        self, sessions: SessionStore, extraction: SessionExtraction, leases: Leases
    ) -> None:
        self._sessions = sessions
        self._extraction = extraction
        self._leases = leases

    async def run(self, ref: SessionRef) -> int:
        """Extract all messages that are there now, and failed ones that are to be tried again.

        Memories that wait in it are promoted. Returns how far the session has been extracted.
        Raises SessionNotFound (also if the session is deleted meanwhile) and ExtractorUnavailable.
        """
        target = session = await self._sessions.get(ref)
        while _left(session, target):
            check_cancelled()
            async with self._leases.try_hold(ref) as held:
                if held:
                    await self._extraction.step(ref)
            if not held:
                await asyncio.sleep(POLL_SECONDS)
            session = await self._same(ref, target)
        return session.cursor

    async def _same(self, ref: SessionRef, target: Session) -> Session:
        session = await self._sessions.get(ref)
        if session.generation != target.generation:
            raise SessionNotFound
        return session


def _left(session: Session, target: Session) -> bool:
    """Tell whether something is left that was there at first, and that Redis has not lost since."""
    messages = session.cursor < min(target.tail, session.tail) or session.retrying > 0
    return messages or session.given_cursor < min(target.given_tail, session.given_tail)
