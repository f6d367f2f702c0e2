"""Notes which memories searches return, off the requests' path: forgetting goes by it."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable

from memory_service.cancellation import check_cancelled
from memory_service.clock import Clock
from memory_service.domain.errors import StoreUnavailable
from memory_service.domain.memory import Memory
from memory_service.domain.owner import Owner
from memory_service.going_on import going_on
from memory_service.store.use import UseStore

logger = logging.getLogger(__name__)

WRITE_SECONDS = 5.0
MINUTE = 60_000_000
"""A use so soon, in microseconds, after one that is written adds nothing: minutes are told."""

MOST = 20_000
"""How many memories may wait to be written: those of 200 searches of 100. Others are dropped."""

_Key = tuple[Owner, str]


class UseNotes:
    """Collects uses and writes them every few seconds.

    A use that gets lost, with a process that is killed or because there were too many, makes a
    memory seem unused for a little longer: nothing waits for it and nothing fails with it.
    """

    def __init__(self, uses: UseStore, clock: Clock, *, every: float = WRITE_SECONDS) -> None:
        self._uses = uses
        self._clock = clock
        self._every = every
        self._waiting: dict[_Key, int] = {}
        self._written: dict[_Key, int] = {}
        self._written_before: dict[_Key, int] = {}
        self._turned = 0

    def note(self, memories: Iterable[Memory]) -> None:
        """Note that these memories are used now."""
        now = self._clock.now()
        for memory in memories:
            key = (memory.owner, memory.id)
            known = key in self._waiting or now - self._last_written(key) < MINUTE
            if not known and len(self._waiting) < MOST:
                self._waiting[key] = now

    async def run(self) -> None:
        """Write until cancelled, and then what is left."""
        try:
            while True:
                check_cancelled()
                await asyncio.sleep(self._every)
                with going_on(logger, "uses of memories are not noted"):
                    await self.write()
        finally:
            await self.write()

    async def write(self) -> None:
        """Write what waits; what cannot be written is tried again the next time."""
        self._forget()
        waiting, self._waiting = self._waiting, {}
        if not waiting:
            return
        by_owner: dict[Owner, dict[str, int]] = defaultdict(dict)
        for (owner, memory_id), time in waiting.items():
            by_owner[owner][memory_id] = time
        try:
            await self._uses.note(by_owner)
        except StoreUnavailable as error:
            logger.warning("uses of memories are not noted yet: %s", error)
            self._waiting = waiting | self._waiting
        else:
            self._written |= waiting

    def _last_written(self, key: _Key) -> int:
        return self._written.get(key) or self._written_before.get(key, 0)

    def _forget(self) -> None:
        """Forget what was written over a minute ago, whole minutes at a time.

        To look through what was written every few seconds would keep callers waiting.
        """
        now = self._clock.now()
        if now - self._turned >= MINUTE:
            self._written, self._written_before, self._turned = {}, self._written, now
