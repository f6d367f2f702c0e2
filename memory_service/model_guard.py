"""Vectors of two models cannot be compared: only those of the database's own model are let in."""

from __future__ import annotations

import logging

from agentmemory.v1 import extractor_service_pb2 as pb
from redis.asyncio import Redis

from memory_service.store.schema import Model, ModelMismatch, record_model

logger = logging.getLogger(__name__)


class ModelGuard:
    """Knows which model the vectors are of; the first that comes with vectors becomes it."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._known: dict[Model, bool] = {}

    async def check(self, info: pb.ModelInfo) -> None:
        """Raise ModelMismatch, with a line that says what to do, for another model."""
        await record_model(self._redis, _model(info))

    async def accepts(self, info: pb.ModelInfo) -> bool:
        """Whether vectors of this model may be stored and searched with."""
        model = _model(info)
        if model not in self._known:
            try:
                await self.check(info)
            except ModelMismatch as error:
                logger.error("the extractor's vectors are not used: %s", error)
                self._known[model] = False
            else:
                self._known[model] = True
        return self._known[model]


def _model(info: pb.ModelInfo) -> Model:
    return Model(info.name, info.revision, info.dimension)
