"""Vectors from the extractor; None where it cannot be asked, so that callers can do without."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

import grpc
from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import extractor_service_pb2_grpc as pb_grpc

from memory_service.deadline import Deadline
from memory_service.domain.beginnings import beginning
from memory_service.embedding_metrics import EmbeddingMetrics

logger = logging.getLogger(__name__)

QUERY = pb.EMBED_PURPOSE_QUERY
DOCUMENT = pb.EMBED_PURPOSE_DOCUMENT
_PURPOSES = {QUERY: "query", DOCUMENT: "document"}

BATCH = 64
"""Texts a call: a quarter of what the extractor takes, so that others get their turn."""


WRITE_SHARE = 0.5
"""How much of its caller's time left a write may wait for vectors; what is left is for writing."""

AcceptsModel = Callable[[pb.ModelInfo], Awaitable[bool]]
"""Says whether vectors of a model may be used with those that are stored."""


class EmbeddingClient:
    """Embeds through ExtractorService. `dimension` is what the index was made for."""

    def __init__(
        self,
        stub: pb_grpc.ExtractorServiceAsyncStub,
        accepts: AcceptsModel,
        *,
        dimension: int,
        timeout: float,
        metrics: EmbeddingMetrics | None = None,
    ) -> None:
        self._stub = stub
        self._accepts = accepts
        self._bytes = dimension * 4
        self._timeout = timeout
        self._available = True
        self._metrics = metrics or EmbeddingMetrics()

    async def query(self, text: str, *, within: float | None = None) -> bytes | None:
        """Return the vector to search with, or None; wait at most `within` seconds."""
        vectors = await self._embed([text], QUERY, self._limit(within))
        return vectors[0] if vectors else None

    async def documents(
        self, texts: Sequence[str], *, within: float | None = None
    ) -> list[bytes] | None:
        """Return the vectors to be found by, one for each text, or None.

        Wait at most `within` seconds for all of them.
        """
        deadline = Deadline.after(within)
        vectors: list[bytes] = []
        for start in range(0, len(texts), BATCH):
            limit = self._limit(deadline.left)
            part = await self._embed(texts[start : start + BATCH], DOCUMENT, limit)
            if part is None:
                return None
            vectors += part
        return vectors

    def _limit(self, within: float | None) -> float:
        return self._timeout if within is None else min(within, self._timeout)

    async def _embed(
        self, texts: Sequence[str], purpose: pb.EmbedPurpose.ValueType, within: float
    ) -> list[bytes] | None:
        request = pb.EmbedRequest(texts=map(beginning, texts), purpose=purpose)
        try:
            with self._metrics.timed(_PURPOSES[purpose]):
                response = await self._stub.Embed(request, timeout=within)
        except grpc.aio.AioRpcError as error:
            self._note(purpose, why=error.code().name)
            return None
        vectors = list(response.vectors)
        if [len(vector) for vector in vectors] != [self._bytes] * len(texts):
            self._note(purpose, why="shape")
            return None
        if not await self._accepts(response.model):
            self._note(purpose, why="model")
            return None
        self._note(purpose)
        return vectors

    def _note(self, purpose: pb.EmbedPurpose.ValueType, *, why: str = "") -> None:
        self._metrics.calls.labels(_PURPOSES[purpose], why or "ok").inc()
        available = not why
        if available != self._available:
            logger.warning("embedding available: %s", available, extra={"why": why})
        self._available = available
