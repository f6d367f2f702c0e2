"""Forgets for all owners, regularly, in one process at a time."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

from memory_service.cancellation import check_cancelled
from memory_service.domain.errors import Contention, SearchTimeout
from memory_service.domain.forgetting import Limits
from memory_service.domain.owner import Owner
from memory_service.forgetting import Forgetting
from memory_service.going_on import apart, going_on
from memory_service.log_names import log_owner
from memory_service.store.turns import Turns
from memory_service.store.use import UseStore

logger = logging.getLogger(__name__)

LEASE_SECONDS = 60.0
SIGN_SECONDS = 10.0
"""How often the one at work says that it still is."""

REPORT_SECONDS = 60.0
LOOK_SECONDS = 30.0
"""How often is looked whether the next turn is due."""


class ForgetSchedule:
    """Broken off, by a restart or trouble with Redis, a run begins again: what is gone is gone."""

    def __init__(
        self,
        forgetting: Forgetting,
        uses: UseStore,
        turns: Turns,
        limits: Limits,
        *,
        look_every: float,
    ) -> None:
        self._forgetting = forgetting
        self._uses = uses
        self._turns = turns
        self._limits = limits
        self._look_every = look_every

    async def run(self) -> None:
        """Forget when it is due, until cancelled; trouble is waited out."""
        while True:
            check_cancelled()
            with going_on(logger, "forgetting put off"):
                if await self._turns.take():
                    await self.forget()
            await asyncio.sleep(self._look_every)

    async def forget(self) -> None:
        """Forget for each owner, while the turn is ours."""
        progress = _Progress()
        sign = _Every(SIGN_SECONDS)
        async for owner in self._uses.owners():
            check_cancelled()
            if sign.due() and not await self._turns.still_ours():
                logger.warning("forgetting broken off: another process took over")
                return
            progress.add(await self._forgotten(owner))
        await self._turns.done()
        progress.report("forgetting is done")

    async def _forgotten(self, owner: Owner) -> int | None:
        """Return how many memories of the owner were forgotten, None if that must wait."""
        named = log_owner(owner)
        with apart(logger, "forgetting failed", named), suppress(Contention, SearchTimeout):
            done = await self._forgetting.forget(owner, self._limits, confirm=True, request=None)
            return done.count
        return None


class _Every:
    """Says now and then that so many seconds have passed."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last = time.monotonic()

    def due(self) -> bool:
        now = time.monotonic()
        if now - self._last < self._seconds:
            return False
        self._last = now
        return True


class _Progress:
    """Counts, and nothing but counts."""

    def __init__(self) -> None:
        self._owners = 0
        self._memories = 0
        self._left = 0
        self._report = _Every(REPORT_SECONDS)

    def add(self, forgotten: int | None) -> None:
        self._owners += 1
        self._memories += forgotten or 0
        self._left += forgotten is None
        if self._report.due():
            self.report("forgetting goes on")

    def report(self, what: str) -> None:
        logger.info(
            "%s: %d memories of %d owners",
            what,
            self._memories,
            self._owners,
            extra={"put_off": self._left},
        )
