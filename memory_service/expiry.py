"""Ends sessions that have expired, each after all that is in it has been extracted."""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import suppress

from memory_service.cancellation import check_cancelled
from memory_service.clock import Clock
from memory_service.domain.errors import (
    Contention,
    ExtractorUnavailable,
    NotExtracted,
    SearchTimeout,
    SessionNotFound,
)
from memory_service.domain.owner import SessionRef
from memory_service.flush import Flush
from memory_service.going_on import apart, going_on
from memory_service.log_names import log_names
from memory_service.store.expiry import ExpiringSessions

logger = logging.getLogger(__name__)

_DEFECT = "a session cannot be ended"

BATCH = 64
"""How many sessions of a partition are looked at in a round."""


class SessionExpiry:
    """Any number of processes may do this: a script decides each time whether a session ends."""

    def __init__(
        self, sessions: ExpiringSessions, flush: Flush, clock: Clock, *, every: float
    ) -> None:
        self._sessions = sessions
        self._flush = flush
        self._clock = clock
        self._every = every
        self._extracting = True

    async def run(self) -> None:
        """Look until cancelled; trouble is waited out."""
        while True:
            check_cancelled()
            with going_on(logger, "expiry put off"):
                while await self.round():
                    check_cancelled()
            await asyncio.sleep(self._every)

    async def round(self) -> int:
        """Go through sessions that have expired; return how many are done with."""
        due = await self._sessions.due(self._clock.now(), count=BATCH)
        # So that replicas meet rarely, and no session that cannot be extracted holds up the others.
        random.shuffle(due)
        left = [ref for ref in due if await self._is_unextracted(ref)]
        extracted = 0
        for ref in left:
            if not await self._extract(ref):
                break
            extracted += not await self._is_unextracted(ref)
        return len(due) - len(left) + extracted

    async def _is_unextracted(self, ref: SessionRef) -> bool:
        """End the session if it has expired still, unless something is left to extract."""
        check_cancelled()
        with apart(logger, _DEFECT, log_names(ref)), suppress(NotExtracted):
            await self._sessions.end(ref, self._clock.now())
            return False
        return True

    async def _extract(self, ref: SessionRef) -> bool:
        """Extract what is left of the session; say whether the extractor could be asked."""
        with apart(logger, _DEFECT, log_names(ref)):
            try:
                await self._flush.run(ref)
            except (SessionNotFound, Contention, SearchTimeout):
                pass  # Others are at it, or the engine is slow; the next round looks again.
            except ExtractorUnavailable:
                if self._extracting:
                    logger.warning("sessions that have expired wait for the extractor")
                self._extracting = False
                return False
            else:
                self._extracting = True
        return True
