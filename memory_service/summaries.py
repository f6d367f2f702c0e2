"""Summaries from the extractor; None where it cannot be asked, so that callers can do without."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import grpc
from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import extractor_service_pb2_grpc as pb_grpc

from memory_service.domain.errors import ExtractionFailed
from memory_service.domain.session import Message
from memory_service.translate import messages as translate
from service_kit.errors import read_error

logger = logging.getLogger(__name__)


class SummaryClient:
    """Sums up through ExtractorService."""

    def __init__(self, stub: pb_grpc.ExtractorServiceAsyncStub, *, timeout: float) -> None:
        """`timeout` bounds a call, in seconds."""
        self._stub = stub
        self._timeout = timeout
        self._available = True

    async def extend(
        self, summary: str, context: Sequence[Message], messages: Sequence[Message], max_tokens: int
    ) -> str | None:
        """Return the summary with what the messages tell, or None; of no messages as it is.

        `context` are the messages right before. Pass no more of either than the extractor takes in
        a delta. Raises ExtractionFailed if the extractor refuses the input: it would again.
        """
        if not messages:
            return summary
        request = pb.SummarizeRequest(
            summary=summary,
            context=[translate.for_extraction(message) for message in context],
            messages=[translate.for_extraction(message) for message in messages],
            max_tokens=max_tokens,
        )
        try:
            response = await self._stub.Summarize(request, timeout=self._timeout)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
                self._note(available=True, why="")
                raise ExtractionFailed(read_error(error).reason) from error
            self._note(available=False, why=error.code().name)
            return None
        self._note(available=True, why="")
        return response.summary

    def _note(self, *, available: bool, why: str) -> None:
        if available != self._available:
            logger.warning("summaries available: %s", available, extra={"why": why})
        self._available = available
