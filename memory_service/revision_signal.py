"""Tells waiting watchers that an owner's revision has moved: one that asks, for all that wait.

No connection is held while nothing happens, and a watcher that does not wait costs nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field

from memory_service.cancellation import check_cancelled
from memory_service.domain.errors import StoreUnavailable
from memory_service.domain.owner import Owner
from memory_service.going_on import going_on
from memory_service.store.connection import store_errors
from memory_service.store.feed import ChangeFeed

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.1
"""How often Redis is asked for the revisions that somebody waits for."""

REST = 9
"""Between two rounds this many times as long as a round took, so that asking costs a tenth."""

LONGEST_REST_SECONDS = 1.0

OWNERS_AT_ONCE = 256


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    owner: Owner
    revision: int
    done: asyncio.Future[bool] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class RevisionSignal:
    """Looks after revisions while anybody waits for one."""

    def __init__(self, feed: ChangeFeed) -> None:
        self._feed = feed
        self._waiters: set[_Waiter] = set()
        self._wanted = asyncio.Event()
        self.closed = False

    async def moved(self, owner: Owner, revision: int, *, seconds: float) -> bool:
        """Wait until the owner's revision is not `revision` any more; say whether it is not.

        False after `seconds`, or when this is closed. Raises StoreUnavailable.
        """
        if self.closed:
            return False
        waiter = _Waiter(owner, revision)
        self._waiters.add(waiter)
        self._wanted.set()
        try:
            async with asyncio.timeout(max(seconds, 0)):
                return await waiter.done
        except TimeoutError:
            return False
        finally:
            self._waiters.discard(waiter)

    def close(self) -> None:
        """Let all go who wait, now and from now on."""
        self.closed = True
        for waiter in self._waiters:
            if not waiter.done.done():
                waiter.done.set_result(False)

    async def run(self) -> None:
        """Run until cancelled; trouble with Redis is told to those who wait."""
        while True:
            if not self._waiters:
                self._wanted.clear()
                await self._wanted.wait()
            began = time.monotonic()
            with going_on(logger, "revisions cannot be read"):
                await self._round()
            check_cancelled()
            rest = min(REST * (time.monotonic() - began), LONGEST_REST_SECONDS)
            await asyncio.sleep(max(POLL_SECONDS, rest))

    async def _round(self) -> None:
        waiters = list(self._waiters)
        owners = list(dict.fromkeys(waiter.owner for waiter in waiters))
        try:
            with store_errors():
                revisions = await self._revisions(owners)
        except StoreUnavailable as error:
            for waiter in waiters:
                if not waiter.done.done():
                    waiter.done.set_exception(StoreUnavailable(str(error)))
            return
        for waiter in waiters:
            if not waiter.done.done() and revisions[waiter.owner] != waiter.revision:
                waiter.done.set_result(True)

    async def _revisions(self, owners: list[Owner]) -> dict[Owner, int]:
        found: list[int] = []
        for start in range(0, len(owners), OWNERS_AT_ONCE):
            found += await self._feed.revisions(owners[start : start + OWNERS_AT_ONCE])
        return dict(zip(owners, found, strict=True))
