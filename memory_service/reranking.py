"""Scores of a cross-encoder from the extractor; None where there are none: the order then stays."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence

import grpc
from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import extractor_service_pb2_grpc as pb_grpc

from memory_service.domain.beginnings import beginning

logger = logging.getLogger(__name__)

MAX_TEXTS = 100
"""Texts that the extractor takes in a call."""

ASK_AGAIN_SECONDS = 60.0
"""How long it is believed that an extractor has no reranker: it may be started anew with one."""

_NONE_THERE = (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.UNIMPLEMENTED)
"""The answers of an extractor without a reranker, and of one that does not know of rerankers."""


class RerankClient:
    """Reranks through ExtractorService."""

    def __init__(
        self,
        stub: pb_grpc.ExtractorServiceAsyncStub,
        *,
        timeout: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`timeout` bounds a call; `clock` and it are in seconds."""
        self._stub = stub
        self._timeout = timeout
        self._clock = clock
        self._none_until = -math.inf
        self._available = True

    @property
    def absent(self) -> bool:
        """Whether it is known that there is no reranker: no texts need be read for it."""
        return self._clock() < self._none_until

    async def scores(
        self, query: str, texts: Sequence[str], *, within: float | None = None
    ) -> list[float] | None:
        """Return how well each of at most MAX_TEXTS answers the query, 0 to 1, or None.

        None if there is no reranker, the extractor is away, or `within` seconds are too few. Query
        and texts are not empty.
        """
        if not texts:
            return []
        if self.absent:
            return None
        request = pb.RerankRequest(query=beginning(query), texts=map(beginning, texts))
        limit = self._timeout if within is None else min(within, self._timeout)
        try:
            response = await self._stub.Rerank(request, timeout=limit)
        except grpc.aio.AioRpcError as error:
            self._failed(error.code())
            return None
        scores = list(response.scores)
        if len(scores) != len(texts) or not all(0 <= score <= 1 for score in scores):
            self._note(available=False, why="shape")
            return None
        self._note(available=True, why="")
        return scores

    def _failed(self, code: grpc.StatusCode) -> None:
        if code in _NONE_THERE:
            # How it is where none is wanted: nothing to warn of.
            self._none_until = self._clock() + ASK_AGAIN_SECONDS
        else:
            self._note(available=False, why=code.name)

    def _note(self, *, available: bool, why: str) -> None:
        if available != self._available:
            logger.warning("reranking available: %s", available, extra={"why": why})
        self._available = available
