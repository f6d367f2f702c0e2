"""A served extractor for tests: a real socket, the hashing embedder, rules that can be steered."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import grpc.aio
from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import memory_pb2
from agentmemory.v1.extractor_service_pb2_grpc import ExtractorServiceStub
from prometheus_client import CollectorRegistry

from extractor_service.app import Extractor, Loaders, assemble
from extractor_service.domain import PLAIN, Finding, MemoryType, Role, Setting, Source, Turn
from extractor_service.embedder import Embedder, Purpose, Vectors
from extractor_service.hashing import HashingEmbedder
from extractor_service.reading import NO_READING, Reading
from extractor_service.reranker import Reranker
from extractor_service.settings import ExtractorSettings
from extractor_service.worker import Ruleset
from service_kit.server import drain
from service_kit.tracing.starting import OFF, Tracing

CONTEXT_TURNS = 3
POISON = "POISON"
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


@dataclass
class FakeRules:
    """One memory a sentence of a user, which tells what came before; closed, the gate holds it."""

    gate: threading.Event = field(default_factory=threading.Event)
    seen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate.set()

    def extract(
        self, turn: Turn, context: Sequence[Turn], setting: Setting = PLAIN
    ) -> tuple[Finding, ...]:
        self.seen.append(turn.id)
        assert self.gate.wait(30)
        if POISON in turn.text:
            raise ValueError(turn.text)
        if turn.role is not Role.USER:
            return ()
        before = ", ".join(other.text for other in context)
        return tuple(
            Finding(
                text=f"{turn.speaker} says {part} after {before}",
                type=MemoryType.SEMANTIC,
                topics=("talk",),
                entities=(),
                source=Source(turn.id, 0, len(turn.text.encode())),
                confidence=0.5,
            )
            for part in turn.text.split(". ")
        )

    def read(self, text: str, people: Collection[str] = ()) -> Reading:
        assert self.gate.wait(30)
        if POISON in text:
            raise ValueError(text)
        return NO_READING

    def ruleset(self) -> Ruleset:
        return Ruleset(self.extract, "fake-1", CONTEXT_TURNS, self.read)


class LosingItsGpu(HashingEmbedder):
    """Embeds nothing while its GPU is lost."""

    lost = False

    def encode(self, texts: Sequence[str], purpose: Purpose) -> Vectors:
        if self.lost:
            raise RuntimeError("the GPU is lost")
        return super().encode(texts, purpose)


class Hanging(HashingEmbedder):
    """Does not return while its gate is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()

    def encode(self, texts: Sequence[str], purpose: Purpose) -> Vectors:
        assert self.gate.wait(30)
        return super().encode(texts, purpose)


@dataclass(frozen=True)
class Served:
    """A running extractor and a client of it."""

    extractor: Extractor
    stub: ExtractorServiceStub
    channel: grpc.aio.Channel
    warming: asyncio.Task[None]
    registry: CollectorRegistry

    async def drain(self) -> None:
        await drain(self.extractor.bound, 30, [self.extractor.servicer.drain])

    def metric(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


@asynccontextmanager
async def served(
    load_rules: Callable[[], Ruleset],
    *,
    load_embedder: Callable[[], Embedder] = HashingEmbedder,
    load_reranker: Callable[[], Reranker] | None = None,
    warm: bool = True,
    traces: Tracing = OFF,
    **settings: object,
) -> AsyncIterator[Served]:
    registry = CollectorRegistry()
    configured = ExtractorSettings(bind="127.0.0.1:0", **settings)
    loaders = Loaders(load_rules, load_embedder, load_reranker)
    extractor = assemble(configured, loaders, registry, traces)
    async with extractor.running() as warming:
        await extractor.bound.server.start()
        try:
            address = f"127.0.0.1:{extractor.bound.port}"
            async with grpc.aio.insecure_channel(address) as channel:
                if warm:
                    await warming
                stub = ExtractorServiceStub(channel)
                yield Served(extractor, stub, channel, warming, registry)
        finally:
            await extractor.bound.server.stop(None)


class Conversation:
    """An open Extract stream, from its client's end."""

    def __init__(self, stub: ExtractorServiceStub) -> None:
        self.call = stub.Extract()

    async def open(self, resume_after: int = 0) -> pb.Opened:
        await self.call.write(pb.ExtractRequest(open=pb.Open(resume_after=resume_after)))
        return (await self.read()).opened

    async def send(
        self,
        sequence: int,
        messages: Sequence[memory_pb2.Message],
        context: Sequence[memory_pb2.Message] = (),
        strategy: memory_pb2.ExtractionStrategy | None = None,
        traceparent: str = "",
    ) -> None:
        delta = pb.Delta(
            sequence=sequence,
            messages=messages,
            context=context,
            strategy=strategy,
            traceparent=traceparent,
        )
        await self.call.write(pb.ExtractRequest(delta=delta))

    async def read(self) -> pb.ExtractResponse:
        response = await self.call.read()
        assert isinstance(response, pb.ExtractResponse), await self.call.code()
        return response

    async def result(self) -> pb.Result:
        """The next result; backoffs are passed over."""
        response = await self.read()
        while response.WhichOneof("response") == "backoff":
            response = await self.read()
        assert response.WhichOneof("response") == "result", response
        return response.result

    async def results(self, number: int) -> dict[int, pb.Result]:
        found = [await self.result() for _ in range(number)]
        return {result.sequence: result for result in found}

    async def ends(self) -> grpc.StatusCode:
        assert await self.call.read() is grpc.aio.EOF
        return await self.call.code()


def message(
    identifier: str,
    text: str,
    *,
    role: memory_pb2.Role = memory_pb2.ROLE_USER,
    name: str = "Ada",
    minutes: int = 0,
) -> memory_pb2.Message:
    built = memory_pb2.Message(id=identifier, role=role, name=name, content=text)
    built.create_time.FromDatetime(NOON + timedelta(minutes=minutes))
    return built


def turn(identifier: str, text: str, role: Role = Role.USER) -> Turn:
    return Turn(identifier, role, "Ada", text, NOON)


async def fails(call: Awaitable[object]) -> grpc.aio.AioRpcError:
    """The error that the call ends with."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError("the call succeeded")
