"""An ExtractorService whose every word on the Extract stream is put into its mouth by a test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import extractor_service_pb2_grpc as pb_grpc
from grpc_status import rpc_status

from service_kit.channel import open_channel
from service_kit.errors import ServiceError, to_status
from tests.support.waiting import wait_until


class Peer:
    """The far end of one stream."""

    def __init__(self) -> None:
        self.deltas: list[pb.Delta] = []
        self.half_closed = False
        self.over = False
        self._outbox: asyncio.Queue[pb.ExtractResponse | grpc.StatusCode | None] = asyncio.Queue()

    def say(self, **response: Any) -> None:
        self._outbox.put_nowait(pb.ExtractResponse(**response))

    def answer(self, delta: pb.Delta) -> None:
        """Answer with the content of the first message as the extractor's name."""
        extraction = pb.Extraction(extractor=delta.messages[0].content)
        self.say(result=pb.Result(sequence=delta.sequence, extraction=extraction))

    def refuse(self, delta: pb.Delta, code: grpc.StatusCode, reason: str) -> None:
        error = to_status(ServiceError(code, reason, "refused"))
        self.say(result=pb.Result(sequence=delta.sequence, error=error))

    def end(self, code: grpc.StatusCode | None = None) -> None:
        """End the stream, well or with an error."""
        self._outbox.put_nowait(code)

    async def serve(self, requests: AsyncIterator[pb.ExtractRequest], context: Any) -> None:
        listening = asyncio.create_task(self._listen(requests))
        try:
            while isinstance(response := await self._outbox.get(), pb.ExtractResponse):
                await context.write(response)
            if response is not None:
                await context.abort(response, "told to")
        finally:
            listening.cancel()
            self.over = True

    async def _listen(self, requests: AsyncIterator[pb.ExtractRequest]) -> None:
        async for request in requests:
            if request.HasField("delta"):
                self.deltas.append(request.delta)
        self.half_closed = True


class ExtractorServer(pb_grpc.ExtractorServiceServicer):
    """Opens streams by itself unless it is `mute`; `embed` and the like answer their calls."""

    def __init__(self) -> None:
        self.peers: list[Peer] = []
        self.mute = False
        self.max_in_flight = 64
        self.embed: Callable[[pb.EmbedRequest], Iterable[bytes]] = lambda request: ()
        self.embedded: list[pb.EmbedRequest] = []
        self.summarize: Callable[[pb.SummarizeRequest], str] = lambda request: request.summary
        self.summarized: list[pb.SummarizeRequest] = []
        self.reconcile: Callable[[pb.ReconcileRequest], Iterable[pb.ReconcileResult]] = lambda _: ()
        self.reconciled: list[pb.ReconcileRequest] = []
        self.rerank: Callable[[pb.RerankRequest], Iterable[float]] = lambda _: ()
        self.reranked: list[pb.RerankRequest] = []

    async def Extract(self, requests: AsyncIterator[pb.ExtractRequest], context: Any) -> None:  # noqa: N802
        first = await anext(aiter(requests))
        assert first.HasField("open")
        peer = Peer()
        self.peers.append(peer)
        if not self.mute:
            peer.say(
                opened=pb.Opened(
                    max_in_flight=self.max_in_flight, context_messages=3, max_delta_messages=16
                )
            )
        await peer.serve(requests, context)

    async def Embed(self, request: pb.EmbedRequest, context: Any) -> pb.EmbedResponse:  # noqa: N802
        self.embedded.append(request)
        try:
            vectors = self.embed(request)
        except ServiceError as error:
            await context.abort(error.code, error.message)
        return pb.EmbedResponse(vectors=vectors)

    async def Summarize(self, request: pb.SummarizeRequest, context: Any) -> pb.SummarizeResponse:  # noqa: N802
        self.summarized.append(request)
        try:
            return pb.SummarizeResponse(summary=self.summarize(request), summarizer="fake")
        except ServiceError as error:
            await context.abort_with_status(rpc_status.to_status(to_status(error)))
            raise  # Never reached: an abort raises.

    async def Reconcile(self, request: pb.ReconcileRequest, context: Any) -> pb.ReconcileResponse:  # noqa: N802
        self.reconciled.append(request)
        try:
            results = self.reconcile(request)
        except ServiceError as error:
            await context.abort(error.code, error.message)
        return pb.ReconcileResponse(results=results)

    async def Rerank(self, request: pb.RerankRequest, context: Any) -> pb.RerankResponse:  # noqa: N802
        self.reranked.append(request)
        try:
            scores = self.rerank(request)
        except ServiceError as error:
            await context.abort(error.code, error.message)
        return pb.RerankResponse(scores=scores)

    async def peer(self, number: int = 1) -> Peer:
        """Wait for the stream of this number, the first is 1."""
        await wait_until(lambda: len(self.peers) >= number, f"stream {number} is opened")
        return self.peers[number - 1]


@asynccontextmanager
async def serving(path: Path, servicer: ExtractorServer) -> AsyncIterator[grpc.aio.Server]:
    server = grpc.aio.server()
    pb_grpc.add_ExtractorServiceServicer_to_server(servicer, server)
    server.add_insecure_port(f"unix:{path}")
    await server.start()
    try:
        yield server
    finally:
        await server.stop(None)


@asynccontextmanager
async def stub_of(path: Path) -> AsyncIterator[pb_grpc.ExtractorServiceStub]:
    async with open_channel(f"unix:{path}") as channel:
        yield pb_grpc.ExtractorServiceStub(channel)
