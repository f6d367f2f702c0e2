"""One long-lived Extract stream: deltas out, results back, whatever becomes of the other end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import grpc
from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import extractor_service_pb2_grpc as pb_grpc

from memory_service.domain.errors import ExtractionFailed, ExtractorTooSlow, ExtractorUnavailable
from service_kit.errors import from_status
from service_kit.tracing.spans import NO_SPANS, Kind, Spans

logger = logging.getLogger(__name__)

COUNTS_AGAINST_INPUT = grpc.StatusCode.INVALID_ARGUMENT.value[0]

DELTA = "agentmemory.v1.ExtractorService/Extract delta"
"""What the span of a delta on a stream is called, at both ends."""

OPEN_SECONDS = 5.0
"""How long the other end may take to say its first words; it has nothing to do for them."""

OPEN_ATTEMPTS = 3
"""How often a delta is taken to a new stream because its own began to drain before it was sent."""


class _NotTaken(Exception):
    """The stream ended or began to drain before the delta was sent on it."""


class Connection:
    """A stream that has been opened. Ends when the other end does; then every waiter is told.

    `slots` are the places in flight, `heard` counts what the other end has said. `silent`: it was
    ended because the other end had said nothing for too long.
    """

    def __init__(self, stub: pb_grpc.ExtractorServiceAsyncStub) -> None:
        self._outbox: asyncio.Queue[pb.ExtractRequest | None] = asyncio.Queue()
        self._waiting: dict[int, asyncio.Future[pb.Result]] = {}
        self._opened: asyncio.Future[pb.Opened] = asyncio.get_running_loop().create_future()
        self._sequence = 0
        self._go = asyncio.Event()
        self._go.set()
        self._backoff: asyncio.TimerHandle | None = None
        self.slots = asyncio.Semaphore(1)
        self.heard = 0
        self.draining = False
        self.silent = False
        self._call = stub.Extract(self._requests())
        self._reader = asyncio.create_task(self._read())
        self._outbox.put_nowait(pb.ExtractRequest(open=pb.Open()))

    @property
    def usable(self) -> bool:
        """Whether it takes new deltas."""
        return not (self._reader.done() or self.draining)

    async def opened(self) -> pb.Opened:
        """Wait for the other end's first words. Raises ExtractorUnavailable."""
        return await asyncio.shield(self._opened)

    async def ask(self, delta: pb.Delta) -> pb.Result:
        """Send a delta and wait for its result. Raises _NotTaken, ExtractorUnavailable."""
        await self._go.wait()
        if not self.usable:
            raise _NotTaken
        self._sequence += 1
        sequence = self._sequence
        future: asyncio.Future[pb.Result] = asyncio.get_running_loop().create_future()
        self._waiting[sequence] = future
        numbered = pb.ExtractRequest(delta=delta)
        numbered.delta.sequence = sequence
        self._outbox.put_nowait(numbered)
        try:
            return await future
        finally:
            self._waiting.pop(sequence, None)
            self._finish_if_drained()

    async def close(self) -> None:
        """End the stream now."""
        self._call.cancel()
        await asyncio.wait([self._reader])

    async def _requests(self) -> AsyncIterator[pb.ExtractRequest]:
        while (request := await self._outbox.get()) is not None:
            yield request

    async def _read(self) -> None:
        try:
            async for response in self._call:
                self._take(response)
        except grpc.aio.AioRpcError as error:
            logger.info("extract stream ended", extra={"code": error.code().name})
        finally:
            self._outbox.put_nowait(None)
            self._go.set()
            if self._backoff is not None:
                self._backoff.cancel()
            if not self._opened.done():
                self._opened.set_exception(ExtractorUnavailable())
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(ExtractorUnavailable())
            # Nobody may have asked: an exception that nobody fetches would be logged.
            self._opened.exception()

    def _take(self, response: pb.ExtractResponse) -> None:
        self.heard += 1
        kind = response.WhichOneof("response")
        if kind == "opened" and not self._opened.done():
            self._opened.set_result(response.opened)
        elif kind == "result":
            future = self._waiting.get(response.result.sequence)
            if future is not None and not future.done():
                future.set_result(response.result)
        elif kind == "backoff":
            self._hold_back(response.backoff.delay.ToTimedelta().total_seconds())
        elif kind == "draining":
            self.draining = True
            self._finish_if_drained()

    def _hold_back(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        if self._backoff is not None:
            until = max(until, self._backoff.when())
            self._backoff.cancel()
        self._go.clear()
        self._backoff = loop.call_at(until, self._go.set)

    def _finish_if_drained(self) -> None:
        """Say goodbye to an end that wants to stop, once it has answered everything."""
        if self.draining and not self._waiting:
            self._outbox.put_nowait(None)


class ExtractStream:
    """Deltas in, extractions out, over a stream that is opened again whenever it has ended."""

    def __init__(
        self,
        stub: pb_grpc.ExtractorServiceAsyncStub,
        *,
        timeout: float,
        spans: Spans = NO_SPANS,
    ) -> None:
        self._stub = stub
        self._timeout = timeout
        self._spans = spans
        self._connection: Connection | None = None
        self._opening = asyncio.Lock()

    async def opened(self) -> pb.Opened:
        """Return what the extractor says of itself, opening a stream if need be.

        Raises ExtractorUnavailable.
        """
        return await (await self._connected()).opened()

    async def extract(self, delta: pb.Delta) -> pb.Extraction:
        """Return what is found in `delta`, whose sequence is given here.

        Waits for a place among those in flight as long as it takes, and then for the result.
        Raises ExtractionFailed if the input is at fault, ExtractorTooSlow if there is no answer in
        time, ExtractorUnavailable for anything else.
        """
        with self._spans.span(DELTA, Kind.CLIENT, {"agentmemory.messages": len(delta.messages)}):
            # The stream serves many sessions, so each delta says for itself where it belongs.
            delta.traceparent = self._spans.carried()
            result = await self._result(delta)
            if result.WhichOneof("outcome") == "extraction":
                return result.extraction
            if result.error.code == COUNTS_AGAINST_INPUT:
                raise ExtractionFailed(from_status(result.error).reason)
            raise ExtractorUnavailable

    async def close(self) -> None:
        """End the stream, if there is one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _result(self, delta: pb.Delta) -> pb.Result:
        for _ in range(OPEN_ATTEMPTS):
            connection = await self._connected()
            try:
                async with connection.slots:
                    return await self._ask(connection, delta)
            except _NotTaken:
                logger.info("the extract stream ended before a delta was sent: opening another")
        raise ExtractorUnavailable

    async def _ask(self, connection: Connection, delta: pb.Delta) -> pb.Result:
        heard = connection.heard
        try:
            async with asyncio.timeout(self._timeout):
                return await connection.ask(delta)
        except TimeoutError:
            # An end that has answered others meanwhile is only slow: their work is not thrown away.
            if connection.heard == heard:
                connection.silent = True
                await connection.close()
            raise ExtractorTooSlow(len(delta.messages)) from None
        except ExtractorUnavailable:
            if connection.silent:
                raise ExtractorTooSlow(len(delta.messages)) from None
            raise

    async def _connected(self) -> Connection:
        async with self._opening:
            if self._connection is None or not self._connection.usable:
                self._connection = await self._open()
            return self._connection

    async def _open(self) -> Connection:
        connection = Connection(self._stub)
        try:
            async with asyncio.timeout(min(self._timeout, OPEN_SECONDS)):
                opened = await connection.opened()
        except BaseException as error:
            await connection.close()
            if isinstance(error, TimeoutError):
                raise ExtractorUnavailable from None
            raise
        connection.slots = asyncio.Semaphore(max(opened.max_in_flight, 1))
        return connection
