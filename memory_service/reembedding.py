"""Give every memory a vector of another model, while services serve with the one before.

The new vectors stand in fields of their own and have an index of their own, so nothing that serves
sees them until it is started anew. What is done is what has a vector, so a run that is broken off,
at any point, is gone on with by running again, and two at the same time do some work twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from redis.asyncio import Redis

from memory_service.embedding import BATCH, EmbeddingClient
from memory_service.store import schema, spaces
from memory_service.store.memories import MemoryStore
from memory_service.store.missing import MissingVectors
from memory_service.store.records import embedded_text_of
from memory_service.store.schema import Algorithm
from memory_service.store.scripts import Scripts
from memory_service.store.spaces import Model, Space

TRIES = 5
"""How often a batch is tried before the extractor is given up."""

RETRY_SECONDS = 1.0

Tell = Callable[[int, int], None]
"""Told how many memories have their vector, and of how many in all."""


class ReembedError(Exception):
    """It cannot go on now; `str()` is one line that says why."""


class Reembedding:
    """From the space that the database is in to that of `model`."""

    def __init__(
        self, redis: Redis, embedding: EmbeddingClient, model: Model, algorithm: Algorithm
    ) -> None:
        self._redis = redis
        self._embedding = embedding
        self._model = model
        self._algorithm = algorithm
        self._memories = MemoryStore(redis, Scripts(redis))

    async def run(self, tell: Tell) -> bool:
        """Embed what lacks a vector, then switch; False if the database is in that space already.

        A few memories that are written in the last moment are left to the services that are
        started next. Raises ReembedError, ModelMismatch, SearchTimeout, StoreUnavailable.
        """
        if await self._is_current():
            return False
        await spaces.record_model(self._redis, self._model, self._model.tag)
        space = Space(self._model.tag, self._model.dimension, str(self._model))
        space = await schema.build(self._redis, space, self._algorithm)
        await self._embed_all(space, tell)
        await spaces.switch(self._redis, space)
        return True

    async def finish(self, tell: Tell) -> None:
        """Embed what lacks a vector, then drop the vectors and the indexes of other spaces.

        Only when no service of another space runs any more: it would find nothing by meaning.
        Raises ReembedError, ModelMismatch, SearchTimeout, StoreUnavailable.
        """
        space = await schema.ensure(
            self._redis,
            dimension=self._model.dimension,
            algorithm=self._algorithm,
            model=self._model,
        )
        await self._embed_all(space, tell)
        await spaces.drop_other_indexes(self._redis, space.index)
        missing = MissingVectors(self._redis, space)
        async for _ in missing.drop_others():
            pass
        await spaces.forget_others(self._redis)

    async def _is_current(self) -> bool:
        space = await spaces.current(self._redis, dimension=self._model.dimension, model=None)
        if not space.model and space.dimension == self._model.dimension:
            await spaces.record_model(self._redis, self._model, space.tag)
            return True
        return (space.model, space.dimension) == (str(self._model), self._model.dimension)

    async def _embed_all(self, space: Space, tell: Tell) -> None:
        missing = MissingVectors(self._redis, space)
        while True:
            keys, left = await missing.find(BATCH)
            total = await missing.count()
            tell(total - left, total)
            if keys:
                await self._embed(keys, space)
            if left <= BATCH:
                # What was written meanwhile is little, and others see to it.
                return

    async def _embed(self, keys: list[str], space: Space) -> None:
        bodies = await self._memories.bodies(keys)
        texts = [embedded_text_of(body) if body else "gone" for body in bodies]
        vectors = await self._vectors(texts)
        for key, body, vector in zip(keys, bodies, vectors, strict=True):
            if body:
                await self._memories.set_vector(key, body, vector, space)

    async def _vectors(self, texts: list[str]) -> list[bytes]:
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(RETRY_SECONDS)
            if (vectors := await self._embedding.documents(texts)) is not None:
                return vectors
        raise ReembedError("the extractor does not answer; run again to go on")
