"""A collector that keeps what it is sent: OTLP over gRPC, as the real ones take it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc.aio
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as pb_grpc
from opentelemetry.proto.trace.v1 import trace_pb2

_KINDS = {2: "server", 3: "client", 5: "consumer"}


@dataclass(frozen=True)
class Sent:
    """A span as it was sent, and which service sent it."""

    service: str
    span: trace_pb2.Span

    @property
    def name(self) -> str:
        return self.span.name

    @property
    def trace(self) -> str:
        return self.span.trace_id.hex()

    @property
    def kind(self) -> str:
        return _KINDS.get(self.span.kind, "")

    @property
    def milliseconds(self) -> float:
        return (self.span.end_time_unix_nano - self.span.start_time_unix_nano) / 1_000_000

    @property
    def attributes(self) -> dict[str, Any]:
        return {
            each.key: getattr(each.value, str(each.value.WhichOneof("value")))
            for each in self.span.attributes
        }

    @property
    def failed(self) -> bool:
        return self.span.status.code == trace_pb2.Status.STATUS_CODE_ERROR


Tree = list[tuple[Sent, "Tree"]]
"""Spans, each with those below it, in the order in which they began."""


@dataclass
class Collector(pb_grpc.TraceServiceServicer):
    """Takes whatever it is sent."""

    requests: list[pb.ExportTraceServiceRequest] = field(default_factory=list)

    async def Export(  # type: ignore[override]  # noqa: N802 - named by the contract
        self, request: pb.ExportTraceServiceRequest, context: object
    ) -> pb.ExportTraceServiceResponse:
        self.requests.append(request)
        return pb.ExportTraceServiceResponse()

    @property
    def spans(self) -> list[Sent]:
        """All spans, in the order in which they came."""
        return list(self._spans())

    def of(self, trace: str) -> list[Sent]:
        """The spans of one trace."""
        return [sent for sent in self.spans if sent.trace == trace]

    def everything(self) -> bytes:
        """All that was sent, to search in."""
        return b"".join(request.SerializeToString() for request in self.requests)

    def tree(self, trace: str) -> Tree:
        """A trace; a span whose parent was not sent is at its top."""
        sent = sorted(self.of(trace), key=lambda each: each.span.start_time_unix_nano)
        here = {each.span.span_id for each in sent}
        below: dict[bytes, list[Sent]] = defaultdict(list)
        for each in sent:
            parent = each.span.parent_span_id
            below[parent if parent in here else b""].append(each)
        return _grown(below, b"")

    def _spans(self) -> Iterator[Sent]:
        for request in self.requests:
            for part in request.resource_spans:
                told = {each.key: each.value.string_value for each in part.resource.attributes}
                for scope in part.scope_spans:
                    for span in scope.spans:
                        yield Sent(told["service.name"], span)


def _grown(below: dict[bytes, list[Sent]], parent: bytes) -> Tree:
    return [(each, _grown(below, each.span.span_id)) for each in below[parent]]


def rendered(tree: Tree, indent: str = "") -> Iterator[str]:
    """Yield a line for each span: service, name, kind, time and attributes."""
    for sent, below in tree:
        service = sent.service.removeprefix("agent-memory").strip("-") or "memory"
        told = {k: v for k, v in sent.attributes.items() if k not in _IN_THE_NAME}
        attributes = " ".join(f"{key}={value}" for key, value in told.items())
        left = f"{indent}{sent.name.removeprefix('agentmemory.v1.')}"
        failed = " failed" if sent.failed else ""
        yield (
            f"{left:<58} {service:<9} {sent.kind:<8} {sent.milliseconds:>6.1f} ms"
            f"{failed}  {attributes}".rstrip()
        )
        yield from rendered(below, f"{indent}  ")


_IN_THE_NAME = ("rpc.system.name", "rpc.method", "db.system.name", "db.operation.name")


@asynccontextmanager
async def collecting(address: str) -> AsyncIterator[Collector]:
    """Serve a collector at `host:port` or `unix:path`."""
    collector = Collector()
    server = grpc.aio.server()
    pb_grpc.add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]
    server.add_insecure_port(address)
    await server.start()
    try:
        yield collector
    finally:
        await server.stop(None)


def environment(address: str, **more: str) -> dict[str, str]:
    """What a service is told to send its traces there, soon and without TLS."""
    return {
        "MEMORY_TRACING": "true",
        "EXTRACTOR_TRACING": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": address,
        "OTEL_EXPORTER_OTLP_INSECURE": "true",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        **more,
    }
