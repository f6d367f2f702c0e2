"""One trace from the caller through all that its call leads to, and nothing private in it."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb

from examples.tracing.collector import Collector, Sent, collecting, environment, rendered
from memory_service.embedded import EmbeddedRedis
from memory_service.store.connection import connect
from memory_service.store.queue import STREAMS
from service_kit.children import ServerProcess
from service_kit.tracing.otel import FLUSH_SECONDS
from tests.support.client import Caller, Stub, connected, refusal, said
from tests.support.stack import extractor_in, memory_in, serving
from tests.support.waiting import wait_until

MEMORY, EXTRACTOR = "agent-memory", "agent-memory-extractor"
DELTA = "agentmemory.v1.ExtractorService/Extract delta"
EMBED = "agentmemory.v1.ExtractorService/Embed"

USER, SESSION, NAMESPACE = "user-7f3a", "session-91c2", "space-44d0"
PRIVATE = ("peanuts", "Montevideo", "Alice", USER, SESSION, NAMESPACE, "unknown-9b1e")

TOLD = {
    *("rpc.system.name", "rpc.method", "rpc.response.status_code", "error.type"),
    *("db.system.name", "db.operation.name", "db.operation.batch.size"),
    "messaging.batch.message_count",
    *("agentmemory.messages", "agentmemory.found", "agentmemory.given"),
    *("agentmemory.batch.texts", "agentmemory.batch.tokens"),
}
"""Every attribute that a span may have."""


@dataclass(frozen=True)
class Ground:
    """An extractor that is traced, and the collector that it and others send their traces to."""

    collector: Collector
    address: str
    extractor: str


@dataclass(frozen=True)
class Traced:
    """A MemoryService that is traced, and where its traces go."""

    stub: Stub
    memory: ServerProcess
    collector: Collector
    redis_url: str

    def begin(self, *, sampled: bool = True) -> Call:
        return Call(self, secrets.token_hex(16), secrets.token_hex(8), sampled)


@dataclass(frozen=True)
class Call:
    """What a caller who is traced does, in one trace."""

    stack: Traced
    trace: str
    span: str
    sampled: bool

    @property
    def metadata(self) -> list[tuple[str, str]]:
        return [("traceparent", f"00-{self.trace}-{self.span}-0{int(self.sampled)}")]

    async def append(self, *texts: str, session: str = SESSION) -> None:
        request = pb.AppendMessagesRequest(scope=scope(session), messages=map(said, texts))
        await self.stack.stub.AppendMessages(request, metadata=self.metadata, timeout=30)

    async def search(self, query: str) -> pb.SearchMemoriesResponse:
        request = pb.SearchMemoriesRequest(scope=scope(), query=query)
        return await self.stack.stub.SearchMemories(request, metadata=self.metadata, timeout=30)

    @property
    def spans(self) -> list[Sent]:
        return self.stack.collector.of(self.trace)

    async def sent(self, *ends: tuple[str, str]) -> None:
        """Wait for spans, each by the service that sends it and its name."""

        def there() -> bool:
            return set(ends) <= {(each.service, each.name) for each in self.spans}

        await wait_until(there, f"spans {ends}", seconds=15)

    def one(self, name: str, service: str = MEMORY) -> Sent:
        (found,) = [each for each in self.spans if (each.name, each.service) == (name, service)]
        return found

    def path(self, sent: Sent) -> list[str]:
        """The names from a span up to the caller."""
        by_id = {each.span.span_id: each for each in self.spans}
        names = []
        while sent.span.parent_span_id in by_id:
            names.append(sent.name)
            sent = by_id[sent.span.parent_span_id]
        assert sent.span.parent_span_id.hex() == self.span
        return [*names, sent.name]


def scope(session: str = "") -> memory_pb2.Scope:
    return memory_pb2.Scope(namespace=NAMESPACE, user_id=USER, session_id=session)


def rpc(method: str) -> str:
    return f"agentmemory.v1.MemoryService/{method}"


@pytest.fixture(scope="module")
async def ground() -> AsyncIterator[Ground]:
    with tempfile.TemporaryDirectory(prefix="am-otel-") as name:
        address = f"unix:{name}/collector.sock"
        async with (
            collecting(address) as collector,
            serving(extractor_in(Path(name), settings=environment(address))) as extractor,
        ):
            yield Ground(collector, address, extractor.address)


@asynccontextmanager
async def traced(ground: Ground, **variables: str) -> AsyncIterator[Traced]:
    """A MemoryService with a Redis of its own."""
    with tempfile.TemporaryDirectory(prefix="am-otel-") as name:
        here = Path(name)
        async with EmbeddedRedis(here / "redis") as redis:
            settings = {**environment(ground.address), **variables}
            memory = memory_in(
                here, redis_url=redis.url, extractor=ground.extractor, settings=settings
            )
            async with serving(memory), connected(memory.address) as stub:
                yield Traced(stub, memory, ground.collector, redis.url)


@pytest.fixture(scope="module")
async def stack(ground: Ground) -> AsyncIterator[Traced]:
    async with traced(ground) as found:
        yield found


async def notices(redis_url: str) -> list[dict[bytes, bytes]]:
    """What waits in the queues."""
    redis = connect(redis_url, max_connections=1)
    try:
        return [fields for key in STREAMS for _, fields in await redis.xrange(key)]
    finally:
        await redis.aclose()


async def test_a_search_is_one_trace_through_redis_and_the_extractor(stack: Traced) -> None:
    call = stack.begin()
    await call.search("Which nuts?")
    await call.sent((MEMORY, rpc("SearchMemories")), (EXTRACTOR, "embed batch"), (EXTRACTOR, EMBED))
    search = rpc("SearchMemories")
    assert call.path(call.one("embed batch", EXTRACTOR)) == ["embed batch", EMBED, EMBED, search]
    by_words, by_meaning = [each for each in call.spans if each.name == "FT.SEARCH"]
    assert call.path(by_words) == call.path(by_meaning) == ["FT.SEARCH", search]
    assert call.one(search).kind == call.one(EMBED, EXTRACTOR).kind == "server"
    assert call.one(EMBED).kind == "client"
    assert call.one("embed batch", EXTRACTOR).attributes["agentmemory.batch.texts"] == 1


async def test_an_append_is_one_trace_through_the_pump_and_the_extractor_to_the_commit(
    stack: Traced,
) -> None:
    call = stack.begin()
    await call.append("I live in Montevideo.", "I am allergic to peanuts.")
    await call.sent((MEMORY, "extract session"), (EXTRACTOR, DELTA), (EXTRACTOR, "embed batch"))
    above = ["extract session", rpc("AppendMessages")]
    batches = [each for each in call.spans if each.name == "embed batch"]
    ways = [call.path(batch) for batch in batches]
    assert ["embed batch", DELTA, DELTA, *above] in ways
    assert call.path(call.one("find memories", EXTRACTOR))[1:] == [DELTA, DELTA, *above]
    assert call.path(call.one("commit memories")) == ["commit memories", *above]
    (committed, *_) = [
        each
        for each in call.spans
        if each.name == "EVALSHA" and "commit memories" in call.path(each) and not each.failed
    ]
    assert committed.kind == "client"
    assert call.one("extract session").kind == "consumer"
    assert call.one(DELTA, EXTRACTOR).attributes["agentmemory.messages"] == 2
    assert call.one("commit memories").attributes["agentmemory.found"] >= 1


async def test_an_extraction_of_what_several_calls_said_is_linked_to_the_others(
    ground: Ground,
) -> None:
    patience = {"MEMORY_QUIET_SECONDS": "1", "MEMORY_LONGEST_SECONDS": "20"}
    async with traced(ground, **patience, MEMORY_CLAIM_IDLE_SECONDS="30") as stack:
        first, second = stack.begin(), stack.begin()
        await first.append("I live in Montevideo.")
        await second.append("I am allergic to peanuts.")
        await first.sent((MEMORY, "extract session"))
        await second.sent((MEMORY, rpc("AppendMessages")))
        extraction = first.one("extract session")
        assert extraction.attributes["messaging.batch.message_count"] == 2
        (link,) = extraction.span.links
        assert link.trace_id.hex() == second.trace
        assert link.span_id == second.one(rpc("AppendMessages")).span.span_id


async def test_another_process_goes_on_with_the_trace(stack: Traced, ground: Ground) -> None:
    """The one that took the call does not extract at all."""
    alone = environment(ground.address, MEMORY_EXTRACTION="false", OTEL_SERVICE_NAME="other")
    with tempfile.TemporaryDirectory(prefix="am-otel-") as name:
        other = memory_in(
            Path(name), redis_url=stack.redis_url, extractor=ground.extractor, settings=alone
        )
        async with serving(other), connected(other.address) as stub:
            call = Traced(stub, other, stack.collector, stack.redis_url).begin()
            await call.append("I play chess.", session="elsewhere")
            await call.sent((MEMORY, "extract session"), (EXTRACTOR, DELTA))
            await call.sent(("other", rpc("AppendMessages")))
    assert call.path(call.one("extract session")) == ["extract session", rpc("AppendMessages")]


async def test_what_is_not_sampled_leaves_nothing_behind(stack: Traced) -> None:
    call = stack.begin(sampled=False)
    await call.append("I play the violin.", session="unsampled")
    await call.search("What does she play?")

    async def extracted() -> bool:
        caller = Caller(stack.stub, user=USER, namespace=NAMESPACE)
        return await caller.extracted("unsampled") == 1

    await wait_until(extracted, "the session is extracted", seconds=10)
    witness = stack.begin()
    await witness.search("What does she play?")
    await witness.sent((MEMORY, rpc("SearchMemories")), (EXTRACTOR, EMBED))
    assert call.spans == []


async def test_only_what_is_sampled_is_noted_with_its_trace(ground: Ground) -> None:
    async with traced(ground, MEMORY_EXTRACTION="false") as stack:
        sampled, not_sampled = stack.begin(), stack.begin(sampled=False)
        await sampled.append("I live in Montevideo.", session="s1")
        await not_sampled.append("I am allergic to peanuts.", session="s2")
        noted = {fields[b"session"]: fields for fields in await notices(stack.redis_url)}
        await sampled.sent((MEMORY, rpc("AppendMessages")))
        above = sampled.one(rpc("AppendMessages")).span.span_id.hex()
        assert noted[b"s1"][b"trace"].decode() == f"00-{sampled.trace}-{above}-01"
        assert b"trace" not in noted[b"s2"]


async def test_the_services_own_work_is_in_no_trace(stack: Traced) -> None:
    """Polling, health and sweeps would outnumber calls."""
    call = stack.begin()
    await call.search("anything")
    await call.sent((MEMORY, rpc("SearchMemories")))
    by_id = {(each.trace, each.span.span_id) for each in stack.collector.spans}
    tops = {
        each.name
        for each in stack.collector.spans
        if (each.trace, each.span.parent_span_id) not in by_id
    }
    assert {name.partition("/")[0] for name in tops} <= {
        "agentmemory.v1.MemoryService",
        "agentmemory.v1.ExtractorService",
    }


async def test_a_header_that_is_none_begins_a_new_trace(stack: Traced) -> None:
    known = {each.trace for each in stack.collector.spans}
    for header in ("", "nonsense", f"00-{'0' * 32}-{'0' * 16}-01", "x" * 4000):
        request = pb.ListSessionsRequest(scope=scope())
        await stack.stub.ListSessions(request, metadata=[("traceparent", header)])

    def begun() -> bool:
        new = [each for each in stack.collector.spans if each.trace not in known]
        return sum(each.name == rpc("ListSessions") for each in new) == 4

    await wait_until(begun, "a trace for each")


async def test_an_error_is_told_by_its_code_alone(stack: Traced) -> None:
    call = stack.begin()
    request = pb.GetMemoryRequest(scope=scope(), id="unknown-9b1e")
    refused = await refusal(stack.stub.GetMemory(request, metadata=call.metadata))
    assert refused[0] is grpc.StatusCode.NOT_FOUND
    await call.sent((MEMORY, rpc("GetMemory")))
    sent = call.one(rpc("GetMemory"))
    assert sent.attributes["rpc.response.status_code"] == "NOT_FOUND"
    # Not the server's fault.
    assert not sent.failed


async def test_a_failure_below_is_told_by_its_code_and_the_call_goes_on(ground: Ground) -> None:
    async with traced(ground, MEMORY_EXTRACTOR="unix:/nowhere/at-all.sock") as stack:
        call = stack.begin()
        await call.search("Which nuts?")
        await call.sent((MEMORY, EMBED), (MEMORY, rpc("SearchMemories")))
        embed, search = call.one(EMBED), call.one(rpc("SearchMemories"))
        assert embed.failed
        assert embed.attributes["error.type"] == "UNAVAILABLE"
        assert not search.failed


async def test_nothing_private_is_in_any_span(stack: Traced) -> None:
    call = stack.begin()
    await call.append("I am allergic to peanuts.", "My name is Alice.", session=SESSION)
    await call.sent((MEMORY, "commit memories"))
    await call.search("peanuts in Montevideo) | @x:{y}")
    request = pb.GetMemoryRequest(scope=scope(), id="unknown-9b1e")
    await refusal(stack.stub.GetMemory(request, metadata=call.metadata))
    await call.sent((MEMORY, rpc("SearchMemories")), (MEMORY, rpc("GetMemory")))
    everything = stack.collector.everything()
    assert rpc("SearchMemories").encode() in everything
    assert [word for word in PRIVATE if word.encode() in everything] == []
    for sent in stack.collector.spans:
        assert set(sent.attributes) <= TOLD, sent.name
        assert not sent.span.events
        assert not sent.span.status.message


async def test_lines_of_the_log_name_their_trace(stack: Traced) -> None:
    call = stack.begin()
    await call.search("anything")

    def lines() -> list[str]:
        return [line for line in stack.memory.log.read_text().splitlines() if call.trace in line]

    await wait_until(lambda: bool(lines()), "a line names the trace")
    (line,) = lines()
    assert '"grpc_method": "SearchMemories"' in line


async def test_the_last_spans_are_sent_before_a_service_ends(ground: Ground) -> None:
    async with traced(ground, OTEL_BSP_SCHEDULE_DELAY="3600000") as stack:
        call = stack.begin()
        await call.search("anything")
        search = rpc("SearchMemories")
        assert search not in {each.name for each in call.spans}
        await stack.memory.stop()
        assert search in {each.name for each in call.spans}


@pytest.mark.parametrize("dead", ["refused", "silent"])
async def test_a_collector_that_is_dead_changes_nothing(ground: Ground, dead: str) -> None:
    """Nobody listens there, or somebody who never answers; spans that have no room are let go."""
    with tempfile.TemporaryDirectory(prefix="am-otel-") as name:
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"unix:{name}/{dead}.sock",
            "OTEL_BSP_MAX_QUEUE_SIZE": "32",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "16",
        }
        async with silent_at(Path(name) / "silent.sock"), traced(ground, **variables) as stack:
            caller = Caller(stack.stub, user=USER)
            await caller.say("chat", "I am allergic to peanuts.")
            await caller.flush("chat")
            for _ in range(30):
                began = time.monotonic()
                assert await caller.found("peanuts")
                assert time.monotonic() - began < 2
            began = time.monotonic()
            await stack.memory.stop()
            assert time.monotonic() - began < FLUSH_SECONDS + 5
            log = stack.memory.log.read_text()
            assert '"the last spans could not be sent"' in log
            assert "Traceback" not in log


@asynccontextmanager
async def silent_at(path: Path) -> AsyncIterator[None]:
    """Somebody who takes connections and says nothing."""
    leave = asyncio.Event()

    async def hold(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await leave.wait()
        writer.close()

    async with await asyncio.start_unix_server(hold, path):
        yield
        leave.set()


async def test_services_that_do_not_trace_import_nothing_to_do_so_and_note_no_trace() -> None:
    with tempfile.TemporaryDirectory(prefix="am-otel-") as name:
        here = Path(name)
        extractor = extractor_in(here, settings=SAYS_IMPORTS)
        async with EmbeddedRedis(here / "redis") as redis, serving(extractor):
            settings = {**SAYS_IMPORTS, "MEMORY_EXTRACTION": "false"}
            memory = memory_in(
                here, redis_url=redis.url, extractor=extractor.address, settings=settings
            )
            async with serving(memory), connected(memory.address) as stub:
                request = pb.AppendMessagesRequest(scope=scope(SESSION), messages=[said("Hello.")])
                header = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
                await stub.AppendMessages(request, metadata=[("traceparent", header)])
                (noted,) = await notices(redis.url)
        assert b"trace" not in noted
        assert imported(memory, "memory_service.app")
        assert imported(extractor, "extractor_service.app")
        for process in (memory, extractor):
            assert not any(imported(process, module) for module in OF_TRACING)


async def test_a_service_that_traces_imports_what_others_do_not(ground: Ground) -> None:
    async with traced(ground, **SAYS_IMPORTS) as stack:
        assert all(imported(stack.memory, module) for module in OF_TRACING)


SAYS_IMPORTS = {"PYTHONPROFILEIMPORTTIME": "1"}
OF_TRACING = (
    "service_kit.tracing.otel",
    "opentelemetry.sdk.trace",
    "opentelemetry.exporter.otlp.proto.grpc.trace_exporter",
)
"""Not `opentelemetry` alone: where it is installed, redis-py imports its metrics."""


def imported(process: ServerProcess, module: str) -> bool:
    """Whether Python says that the process has imported the module."""
    lines = process.log.read_text().splitlines()
    return any(line.split("|")[-1].strip() == module for line in lines)


async def test_a_trace_can_be_shown_as_a_tree(stack: Traced) -> None:
    call = stack.begin()
    await call.search("anything")
    await call.sent((MEMORY, rpc("SearchMemories")), (EXTRACTOR, "embed batch"), (EXTRACTOR, EMBED))
    lines: Sequence[str] = list(rendered(stack.collector.tree(call.trace)))
    assert lines[0].startswith("MemoryService/SearchMemories ")
    (batch,) = [line for line in lines if line.startswith("      embed batch")]
    assert "extractor" in batch
