"""What new facts are to known ones, from ExtractorService."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

import grpc
from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import extractor_service_pb2_grpc as pb_grpc

from memory_service.domain.errors import ExtractorUnavailable
from memory_service.domain.verdicts import ADD, Question, Verdict
from memory_service.translate import verdicts as translate

logger = logging.getLogger(__name__)

MAX_QUESTIONS = 64
"""New facts in a call: what the extractor takes."""

_NEVER = (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INVALID_ARGUMENT)
"""The answers that another attempt would get again."""


class Reconciler(Protocol):
    """What reconciling needs."""

    async def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        """Return a verdict for each of at most MAX_QUESTIONS. Raises ExtractorUnavailable."""
        ...


class RemoteReconciler:
    """Judges through ExtractorService. Where that cannot judge, everything is new."""

    def __init__(self, stub: pb_grpc.ExtractorServiceAsyncStub, *, timeout: float) -> None:
        """`timeout` bounds a call, in seconds."""
        self._stub = stub
        self._timeout = timeout
        self._able = True

    async def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        """Return a verdict for each question. Raises ExtractorUnavailable."""
        request = pb.ReconcileRequest(items=[translate.to_proto(each) for each in questions])
        try:
            response = await self._stub.Reconcile(request, timeout=self._timeout)
        except grpc.aio.AioRpcError as error:
            if error.code() not in _NEVER:
                raise ExtractorUnavailable from error
            return self._nothing_known(questions, error.code().name)
        if len(response.results) != len(questions):
            return self._nothing_known(questions, "shape")
        self._note(able=True, why="")
        return [translate.from_proto(result) for result in response.results]

    def _nothing_known(self, questions: Sequence[Question], why: str) -> list[Verdict]:
        self._note(able=False, why=why)
        return [ADD] * len(questions)

    def _note(self, *, able: bool, why: str) -> None:
        if able != self._able:
            logger.warning("reconciling possible: %s", able, extra={"why": why})
        self._able = able
