"""Scores of a cross-encoder from the extractor; None where there are none: the order then stays.

A reranker that is not there, or does not answer, is done without until it has answered a question
that is asked beside the searches, so that none of them waits for it in vain.
"""

from __future__ import annotations

import asyncio
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

ASK_AGAIN_SECONDS = 10.0
"""How long an extractor without a reranker is left alone: it may be started anew with one."""

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
        self._there = True
        self._ask_at = -math.inf
        self._asking: asyncio.Task[None] | None = None
        self._available = True

    def is_there(self) -> bool:
        """Whether there is a reranker, as far as is known: else no texts need be read for it.

        Does not wait: what has changed is found out meanwhile, for the searches after this one.
        """
        if not self._there:
            self._ask_beside()
        return self._there

    async def scores(
        self, query: str, texts: Sequence[str], *, within: float | None = None
    ) -> list[float] | None:
        """Return how well each of at most MAX_TEXTS answers the query, 0 to 1, or None.

        None if there is no reranker, the extractor is away, or `within` seconds are too few. Query
        and texts are not empty.
        """
        if not texts:
            return []
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
            self._know(there=False)
            return
        self._note(available=False, why=code.name)
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            self._ask_beside()  # The search had little time, or the extractor hangs.

    def _ask_beside(self) -> None:
        if self._clock() >= self._ask_at:
            self._ask_at = math.inf  # One at a time.
            self._asking = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        """Find out whether one answers in time, by a pair that costs it next to nothing."""
        request = pb.RerankRequest(query="?", texts=["?"])
        try:
            await self._stub.Rerank(request, timeout=self._timeout)
        except grpc.aio.AioRpcError:
            self._know(there=False)
        else:
            self._know(there=True)

    def _know(self, *, there: bool) -> None:
        self._there = there
        self._ask_at = -math.inf if there else self._clock() + ASK_AGAIN_SECONDS

    def _note(self, *, available: bool, why: str) -> None:
        if available != self._available:
            logger.warning("reranking available: %s", available, extra={"why": why})
        self._available = available
