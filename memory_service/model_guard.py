"""Vectors of two models cannot be compared: only those of the served space's model are let in."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import grpc.aio
from agentmemory.v1 import extractor_service_pb2 as pb
from redis.asyncio import Redis

from memory_service.store.spaces import FIRST, Model, ModelMismatch, Space, mismatch, record_model

if TYPE_CHECKING:
    # The asynchronous stub is a type only; an ExtractorServiceStub on an aio channel is one.
    from agentmemory.v1.extractor_service_pb2_grpc import ExtractorServiceAsyncStub

logger = logging.getLogger(__name__)

MODEL_SECONDS = 2.0
"""How long a start waits for the extractor to say which model it has."""


class ModelGuard:
    """Knows which model the vectors are of; in a new database the first that comes becomes it.

    Nothing counts but the space that this process serves: the database may be switched to another.
    """

    def __init__(self, redis: Redis, space: Space = FIRST) -> None:
        self._redis = redis
        self._space = space
        self._known: dict[Model, bool] = {}

    async def check(self, info: pb.ModelInfo) -> None:
        """Raise ModelMismatch, with a line that says what to do, for another model."""
        model = model_of(info)
        if not self._space.model:
            await record_model(self._redis, model, self._space.tag)
        elif self._space.model != str(model) or self._space.dimension != model.dimension:
            raise mismatch(f"model {self._space.model}", str(model), model)

    async def accepts(self, info: pb.ModelInfo) -> bool:
        """Whether vectors of this model may be stored and searched with."""
        model = model_of(info)
        if model not in self._known:
            try:
                await self.check(info)
            except ModelMismatch as error:
                logger.error("the extractor's vectors are not used: %s", error)
                self._known[model] = False
            else:
                self._known[model] = True
        return self._known[model]


def model_of(info: pb.ModelInfo) -> Model:
    """Return the model that the extractor says it has."""
    return Model(info.name, info.revision, info.dimension)


async def model_at(stub: ExtractorServiceAsyncStub) -> Model | None:
    """Return the extractor's model, None if it is away: every vector tells it again."""
    try:
        info = await stub.GetInfo(pb.GetInfoRequest(), timeout=MODEL_SECONDS)
    except grpc.aio.AioRpcError:
        return None
    return model_of(info.embedding_model)
