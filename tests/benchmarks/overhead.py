"""What a search costs beside its parts: one after the other in one run, the query's vector and the
very commands of the engine in one pipeline, sent raw, and the same search through the service. Then
a call of a server that does nothing, each after such parts: the least that a service can add.

Two users are asked: one with facts, and one with turns of conversations, whose searches ask for
facts too. Each has as many memories as is said; none of what is measured runs beside another.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial

import grpc.aio
from agentmemory.v1 import extractor_service_pb2 as extractor_pb
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.extractor_service_pb2_grpc import ExtractorServiceStub
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from redis.asyncio import Redis
from rich.console import Console
from rich.table import Table

from memory_service.domain.asking import understand
from memory_service.domain.memory import FACTS, MemoryType
from memory_service.domain.owner import Owner
from memory_service.domain.search import Selection, View
from memory_service.domain.sides import sides_of
from memory_service.store.connection import connect
from memory_service.store.search import whole

from . import corpus, operations
from .baselines import TENANT, Commands, recorded
from .echo import METHOD
from .load import CALL_SECONDS, Target
from .running import finished
from .stand import load, stand

TALKER = "talker"
LIMIT = 10
"""Hits that are asked for: the default."""

_SESSION = 60
_MESSAGE = memory_pb2.MEMORY_TYPE_MESSAGE


async def _run(memories: int, turns: int, searches: int) -> None:
    async with stand() as target:
        print(f"loading {memories:,} facts and {turns:,} turns", file=sys.stderr)
        await load(target, memories, lambda _: None)
        async with (
            grpc.aio.insecure_channel(target.memory) as memory,
            grpc.aio.insecure_channel(target.extractor) as extractor,
            grpc.aio.insecure_channel(target.echo) as echo,
        ):
            stub = MemoryServiceStub(memory)
            await _talk(stub, target, turns)
            redis = connect(target.redis_url)
            embedder = ExtractorServiceStub(extractor)
            table = Table("search of", "parts, p50", "service, p50", "more", "p95 of both, ms")
            for name, user, types in (
                (f"{memories:,} facts", operations.READER, ()),
                (f"{turns:,} turns", TALKER, (_MESSAGE,)),
            ):
                table.add_row(
                    name, *await _compare(stub, embedder, redis, target, user, types, searches)
                )
            nothing = await _nothing(echo, embedder, redis, target, searches)
            await redis.aclose()
    Console().print(table)
    print(f"a call that does nothing, after the parts of a search: {nothing:.1f} ms, p50")


async def _talk(stub: MemoryServiceStub, target: Target, turns: int) -> None:
    """Have one user say so many turns, of which no facts are drawn."""
    strategy = memory_pb2.ExtractionStrategy(kind=memory_pb2.EXTRACTION_KIND_NONE)
    for first in range(0, turns, _SESSION):
        scope = operations.scope_of(target.namespace, TALKER, f"s{first}")
        said = [
            memory_pb2.Message(
                role=memory_pb2.ROLE_USER, name=corpus.speaker(n), content=corpus.turn(n)
            )
            for n in range(first, min(first + _SESSION, turns))
        ]
        options = memory_pb2.SessionOptions(strategy=strategy)
        await stub.AppendMessages(
            pb.AppendMessagesRequest(scope=scope, messages=said, options=options)
        )
        await stub.FlushSession(pb.FlushSessionRequest(scope=scope), timeout=600)


async def _compare(
    stub: MemoryServiceStub,
    embedder: ExtractorServiceStub,
    redis: Redis,
    target: Target,
    user: str,
    types: Sequence[memory_pb2.MemoryType.ValueType],
    searches: int,
) -> Iterator[str]:
    """Return the row of the table, after some searches that do not count."""
    parts, through = [], []
    for n in range(searches + 20):
        question = corpus.question(n)
        commands = _commands(target, user, bool(types), question)
        request = pb.SearchMemoriesRequest(
            scope=operations.scope_of(target.namespace, user),
            query=question,
            options=memory_pb2.SearchOptions(types=types),
        )
        parts.append(await _timed(lambda c=commands: _by_parts(embedder, redis, *c)))
        through.append(await _timed(lambda r=request: stub.SearchMemories(r, timeout=CALL_SECONDS)))
    raw, served = parts[20:], through[20:]
    middle = statistics.median(raw), statistics.median(served)
    tails = (statistics.quantiles(each, n=20)[-1] for each in (raw, served))
    return iter(
        [
            *(f"{ms:.1f}" for ms in (*middle, middle[1] - middle[0])),
            " / ".join(f"{ms:.1f}" for ms in tails),
        ]
    )


async def _nothing(
    echo: grpc.aio.Channel,
    embedder: ExtractorServiceStub,
    redis: Redis,
    target: Target,
    calls: int,
) -> float:
    """Return the median of calls that do nothing, on a machine that does not rest in between."""
    call, taken = echo.unary_unary(METHOD), []
    for n in range(calls):
        question = corpus.question(n)
        parts = _commands(target, operations.READER, turns=False, question=question)
        await _by_parts(embedder, redis, *parts)
        taken.append(await _timed(partial(call, question.encode())))
    return statistics.median(taken)


def _commands(target: Target, user: str, turns: bool, question: str) -> tuple[str, Commands]:
    """Return the text that is embedded, and the commands, whose vector is put in later."""
    owner = Owner.user(TENANT, target.namespace, user)
    names = {corpus.speaker(0), corpus.speaker(1)} if turns else ()
    asked = understand(question, names, 0)
    types = (MemoryType.MESSAGE,) if turns else FACTS
    of = Selection((owner,), types, view=View(current=int(time.time() * 1_000_000)))
    return asked.text, recorded(sides_of(of, LIMIT, hybrid=True), _PLACE, asked.words)


_PLACE = b"the vector"


async def _by_parts(
    embedder: ExtractorServiceStub, redis: Redis, text: str, commands: Commands
) -> None:
    request = extractor_pb.EmbedRequest(texts=[text], purpose=extractor_pb.EMBED_PURPOSE_QUERY)
    (vector,) = (await embedder.Embed(request, timeout=CALL_SECONDS)).vectors
    async with redis.pipeline(transaction=False) as pipe:
        for command in commands:
            pipe.execute_command(*(vector if part is _PLACE else part for part in command))
        for reply in await pipe.execute():
            whole(reply)


async def _timed(call: Callable[[], Awaitable[object]]) -> float:
    """Return how long it took, in milliseconds."""
    start = time.perf_counter()
    await call()
    return (time.perf_counter() - start) * 1000


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memories", type=int, default=10_000)
    parser.add_argument("--turns", type=int, default=10_000)
    parser.add_argument("--searches", type=int, default=300)
    arguments = parser.parse_args(argv)
    finished(_run(arguments.memories, arguments.turns, arguments.searches))
    return 0


if __name__ == "__main__":
    sys.exit(main())
