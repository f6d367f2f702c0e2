"""Watch an owner's memories: every change, in order, from a revision on."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from memory_service.cancellation import check_cancelled
from memory_service.domain.memory import Memory, MemoryType
from memory_service.domain.owner import Owner
from memory_service.revision_signal import RevisionSignal
from memory_service.revisions import Revisions
from memory_service.store.feed import ChangeFeed, FeedBatch, FeedEntry
from memory_service.store.memories import MemoryStore

BATCH = 32
"""Changes read at a time, with their memories: what a watcher who does not read costs."""


@dataclass(frozen=True, slots=True)
class Told:
    """All up to `revision` has been told. With `change` the last of it, else a checkpoint.

    `memory` is the changed memory as it is now, None if it is gone.
    """

    revision: int
    change: FeedEntry | None = None
    memory: Memory | None = None


class Watching:
    """Each watcher reads its owner's feed for itself, as fast as it is read from."""

    def __init__(
        self,
        feed: ChangeFeed,
        memories: MemoryStore,
        revisions: Revisions,
        signal: RevisionSignal,
        *,
        checkpoint_seconds: float,
        max_seconds: float = 0.0,
    ) -> None:
        """At least a checkpoint is told every `checkpoint_seconds`.

        A watch ends after `max_seconds`, as by `close`; 0: never.
        """
        self._max_seconds = max_seconds or float("inf")
        self._feed = feed
        self._memories = memories
        self._revisions = revisions
        self._signal = signal
        self._checkpoint_seconds = checkpoint_seconds

    async def close(self) -> None:
        """End all watches, each with a last checkpoint."""
        self._signal.close()

    async def watch(
        self, owner: Owner, after: int | None, types: Sequence[MemoryType]
    ) -> AsyncGenerator[Told]:
        """Tell where the watch begins, then every change of memories of `types`, until closed.

        From now on if `after` is None. Raises RevisionTrimmed, at the beginning or later.
        """
        position = await self._revisions.reached(owner, 0) if after is None else after
        batch = await self._feed.read(owner, position, limit=BATCH)
        yield Told(position)
        told = time.monotonic()
        ends = told + self._max_seconds
        while not self._signal.closed and time.monotonic() < ends:
            check_cancelled()
            for change in await self._changes(owner, batch, types):
                yield change
                told = time.monotonic()
            position = batch.position
            if batch.last:
                left = min(told + self._checkpoint_seconds, ends) - time.monotonic()
                await self._signal.moved(owner, position, seconds=left)
            if time.monotonic() - told >= self._checkpoint_seconds:
                yield Told(position)
                told = time.monotonic()
            batch = await self._feed.read(owner, position, limit=BATCH)
        yield Told(position)

    async def _changes(
        self, owner: Owner, batch: FeedBatch, types: Sequence[MemoryType]
    ) -> list[Told]:
        wanted = [entry for entry in batch.entries if entry.type in types]
        if not wanted:
            return []
        memories = await self._memories.get(owner, [entry.memory_id for entry in wanted])
        return [Told(entry.revision, entry, memories.get(entry.memory_id)) for entry in wanted]
