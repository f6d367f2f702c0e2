"""Gives memories that were stored without a vector theirs, once the extractor answers again."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from memory_service.cancellation import check_cancelled
from memory_service.embedding import EmbeddingClient
from memory_service.going_on import going_on
from memory_service.store.keys import PARTITIONS, PartitionKeys
from memory_service.store.memories import MemoryStore
from memory_service.store.records import embedded_text_of

logger = logging.getLogger(__name__)

SETS = [PartitionKeys(partition).unembedded for partition in range(PARTITIONS)]
BATCH = 64

Stragglers = Callable[[int], Awaitable[Sequence[str]]]
"""Returns keys of memories that lack a vector and are in no set, so many at most."""

STRAGGLERS_SECONDS = 30.0


class VectorSweep:
    """Any number of processes may sweep: the same vector is set twice at worst."""

    def __init__(
        self,
        memories: MemoryStore,
        embedding: EmbeddingClient,
        *,
        every: float,
        stragglers: Stragglers | None = None,
    ) -> None:
        self._memories = memories
        self._embedding = embedding
        self._every = every
        self._stragglers = stragglers
        self._looked = float("-inf")

    async def run(self) -> None:
        """Sweep until cancelled; trouble is waited out."""
        while True:
            check_cancelled()
            with going_on(logger, "vectors put off"):
                while await self.sweep():
                    check_cancelled()
                await self._sweep_stragglers()
            await asyncio.sleep(self._every)

    async def sweep(self) -> int:
        """Embed one batch; return how many memories got their vector."""
        return await self._embed((await self._memories.unembedded(SETS, count=BATCH))[:BATCH])

    async def _sweep_stragglers(self) -> None:
        if self._stragglers is None or time.monotonic() - self._looked < STRAGGLERS_SECONDS:
            return
        while await self._embed(await self._stragglers(BATCH)):
            check_cancelled()
        self._looked = time.monotonic()

    async def _embed(self, keys: Sequence[str]) -> int:
        if not keys:
            return 0
        bodies = await self._memories.bodies(keys)
        texts = [embedded_text_of(body) if body else "gone" for body in bodies]
        vectors = await self._embedding.documents(texts)
        if vectors is None:
            return 0
        rows = zip(keys, bodies, vectors, strict=True)
        done = [await self._memories.set_vector(key, body or b"", vec) for key, body, vec in rows]
        return sum(done)
