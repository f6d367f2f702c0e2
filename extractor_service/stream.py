"""One Extract stream: deltas in, a result for each out, in the order in which they get ready."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import timedelta

import grpc.aio
from agentmemory.v1 import extractor_service_pb2 as pb

from extractor_service import translate
from extractor_service.errors import extraction_failed, invalid, known, overloaded, unforeseen
from extractor_service.pipeline import Pipeline, PipelineInfo
from extractor_service.waiting import unless_broken
from service_kit.errors import FieldViolation, ServiceError, to_status
from service_kit.tracing.spans import NO_SPANS, Kind, Spans

Write = Callable[[pb.ExtractResponse], Awaitable[None]]

DELTA = "agentmemory.v1.ExtractorService/Extract delta"
"""What the span of a delta is called, at both ends of a stream."""


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """What a stream may ask for, and how long it may live.

    `max_seconds` is 0 for a stream that may stay open; `max_result_bytes` is what grpc can send.
    """

    max_in_flight: int
    max_delta_messages: int
    max_result_bytes: int
    max_seconds: float
    retry_after: timedelta


class ExtractStream:
    """Serves one stream.

    Memory is bounded by `max_in_flight` deltas: one more is refused at once, and while the caller
    does not read that refusal, nothing more is read from it.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        limits: StreamLimits,
        draining: asyncio.Event,
        write: Write,
        spans: Spans = NO_SPANS,
    ) -> None:
        """`draining` is set when the server is about to stop; `write` sends one response."""
        self._pipeline = pipeline
        self._limits = limits
        self._draining = draining
        self._write = write
        self._spans = spans
        self._writing = asyncio.Lock()  # grpc takes one message at a time
        self._in_flight: set[asyncio.Task[None]] = set()
        self._last_sequence = 0
        self._held_back_until = 0.0

    async def run(self, requests: AsyncIterator[pb.ExtractRequest]) -> None:
        """Answer until the caller has said everything, or the server drains.

        Raises ServiceError INVALID_FIELD for a caller who breaks the rules of the stream, and
        `NotServing` if there is nothing to open, or as soon as model or rules are out of order: the
        caller then finds another replica, while an open stream would stay with this one. What is
        in flight ends with the stream.
        """
        ending = asyncio.create_task(self._told_to_end())
        try:
            await unless_broken(self._pipeline.conditions, self._serve(ending, requests))
        finally:
            await _abandon({ending})
            await _abandon(self._in_flight)  # nothing is, unless it broke or the caller left

    async def _serve(
        self, ending: asyncio.Task[None], requests: AsyncIterator[pb.ExtractRequest]
    ) -> None:
        first = await _next_unless(ending, requests)
        if first is not None:
            await self._open(first)
            await self._take_all(ending, requests)

    async def _take_all(
        self, ending: asyncio.Task[None], requests: AsyncIterator[pb.ExtractRequest]
    ) -> None:
        while (request := await _next_unless(ending, requests)) is not None:
            await self._take(self._delta_of(request))
        if ending.done():
            await self._send(pb.ExtractResponse(draining=pb.Draining()))
        if self._in_flight:
            await asyncio.wait(self._in_flight)

    async def _told_to_end(self) -> None:
        """Wait until the server drains, or the stream is so old that its connection is too."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.max_seconds or None):
                await self._draining.wait()

    async def _open(self, request: pb.ExtractRequest) -> None:
        if request.WhichOneof("request") != "open":
            raise _broken("open", "must come first")
        self._last_sequence = request.open.resume_after
        await self._send(pb.ExtractResponse(opened=opened(self._pipeline.info, self._limits)))

    def _delta_of(self, request: pb.ExtractRequest) -> pb.Delta:
        if request.WhichOneof("request") != "delta":
            raise _broken("delta", "must follow open, and nothing else may")
        if request.delta.sequence <= self._last_sequence:
            raise _broken("delta.sequence", "must be larger than all before")
        self._last_sequence = request.delta.sequence
        return request.delta

    async def _take(self, delta: pb.Delta) -> None:
        if len(self._in_flight) >= self._limits.max_in_flight:
            error = overloaded("too many deltas in flight", self._limits.retry_after)
            await self._send(pb.ExtractResponse(result=_failed(delta, error)))
            return
        answering = asyncio.create_task(self._answer(delta))
        self._in_flight.add(answering)
        answering.add_done_callback(self._in_flight.discard)
        await self._hold_back_if_busy()

    async def _answer(self, delta: pb.Delta) -> None:
        try:
            counts = {"agentmemory.messages": len(delta.messages)}
            with self._spans.continued(DELTA, Kind.SERVER, [delta.traceparent], counts):
                result = await self._extract(delta)
        except Exception as error:
            result = _failed(delta, known(error, self._limits.retry_after) or unforeseen(error))
        with contextlib.suppress(grpc.aio.BaseError):  # the caller has gone; the reader sees it too
            await self._send(pb.ExtractResponse(result=result))

    async def _extract(self, delta: pb.Delta) -> pb.Result:
        asked = _asked(delta, self._limits.max_delta_messages)
        extracted = await self._pipeline.extract(asked.conversation, asked.strategy)
        extraction = translate.extraction(extracted, self._pipeline.info.model)
        result = pb.Result(sequence=delta.sequence, extraction=extraction)
        if result.ByteSize() > self._limits.max_result_bytes:
            # Sent, it would end the stream. A part of the delta will do.
            raise extraction_failed("there is more in these messages than one result can hold")
        return result

    async def _hold_back_if_busy(self) -> None:
        """Ask for a pause when too much waits, and not again before it is over."""
        now = asyncio.get_running_loop().time()
        if self._pipeline.busy and now >= self._held_back_until:
            self._held_back_until = now + self._limits.retry_after.total_seconds()
            response = pb.ExtractResponse()
            response.backoff.delay.FromTimedelta(self._limits.retry_after)
            await self._send(response)

    async def _send(self, response: pb.ExtractResponse) -> None:
        async with self._writing:
            await self._write(response)


def opened(info: PipelineInfo, limits: StreamLimits) -> pb.Opened:
    """The first response of a stream."""
    return pb.Opened(
        max_in_flight=limits.max_in_flight,
        context_messages=info.context_turns,
        max_delta_messages=limits.max_delta_messages,
        embedding_model=translate.model_info(info.model),
        extractor=info.extractor,
    )


def _asked(delta: pb.Delta, max_messages: int) -> translate.ToExtract:
    try:
        return translate.from_delta(delta, max_messages)
    except ServiceError as error:
        # The same delta will be as invalid next time: on a stream that counts against the input.
        raise extraction_failed("the delta has invalid fields", error.violations) from None


def _failed(delta: pb.Delta, error: ServiceError) -> pb.Result:
    return pb.Result(sequence=delta.sequence, error=to_status(error))


async def _next_unless(
    ending: asyncio.Task[None], requests: AsyncIterator[pb.ExtractRequest]
) -> pb.ExtractRequest | None:
    """The next request; None when there are no more, or `ending` is done before it comes."""
    reading = asyncio.create_task(_next(requests))
    try:
        await asyncio.wait([ending, reading], return_when=asyncio.FIRST_COMPLETED)
        return reading.result() if reading.done() else None
    finally:
        reading.cancel()


async def _next(requests: AsyncIterator[pb.ExtractRequest]) -> pb.ExtractRequest | None:
    async for request in requests:
        return request
    return None


async def _abandon(tasks: Collection[asyncio.Task[None]]) -> None:
    left = list(tasks)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def _broken(field: str, description: str) -> ServiceError:
    return invalid(FieldViolation(field, description))
