"""Several Extract streams: each is one connection's, and one alone reaches one extractor."""

from __future__ import annotations

from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import extractor_service_pb2_grpc as pb_grpc

from memory_service.extractor_stream import ExtractStream
from service_kit.tracing.spans import NO_SPANS, Spans


class ExtractStreams:
    """Deltas in, extractions out, by the stream that has the fewest under way.

    The channel gives each stream that is opened to the next of its extractors. Deltas of a session
    come one after the other, so it does not matter that they go different ways.
    """

    def __init__(
        self,
        stub: pb_grpc.ExtractorServiceAsyncStub,
        *,
        timeout: float,
        streams: int,
        spans: Spans = NO_SPANS,
    ) -> None:
        self._streams = [ExtractStream(stub, timeout=timeout, spans=spans) for _ in range(streams)]
        self._under_way = dict.fromkeys(self._streams, 0)

    async def opened(self) -> pb.Opened:
        """Return what an extractor says of itself. Raises ExtractorUnavailable."""
        return await self._streams[0].opened()

    async def extract(self, delta: pb.Delta) -> pb.Extraction:
        """As a stream's own."""
        stream = min(self._streams, key=self._under_way.__getitem__)
        self._under_way[stream] += 1
        try:
            return await stream.extract(delta)
        finally:
            self._under_way[stream] -= 1

    async def close(self) -> None:
        """End all streams."""
        for stream in self._streams:
            await stream.close()
