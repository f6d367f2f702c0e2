"""Change the embedding model of a database that is searched and written to all the while."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from redis.asyncio import Redis

from memory_service.embedded import EmbeddedRedis
from memory_service.store.connection import command, connect
from service_kit.children import ServerProcess
from tests.support.client import SEMANTIC, Caller, connected
from tests.support.redis import leaks
from tests.support.stack import extractor_in, memory_in, serving
from tests.support.waiting import wait_until

MANY = 1500
COMMAND = (sys.executable, "-m", "memory_service.reembed")


def fact(number: int) -> str:
    """Say something whose words no other number says."""
    return f"Alice keeps item{number} in box{number} on shelf{number}."


async def start(redis: EmbeddedRedis, extractor: ServerProcess, *arguments: str) -> Process:
    environment = {**os.environ, "REDIS_URL": redis.url, "MEMORY_EXTRACTOR": extractor.address}
    return await asyncio.create_subprocess_exec(
        *COMMAND, *arguments, env=environment, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE
    )


async def ended(process: Process) -> str:
    """Wait for a command that must do well, and return what it said."""
    _, said = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode == 0, said.decode()
    return said.decode()


async def nearest(caller: Caller, text: str) -> tuple[str, float]:
    """Return what is found first by meaning, and its cosine as the service says it."""
    request = pb.SearchMemoriesRequest(
        scope=caller.scope(),
        query=text,
        options=memory_pb2.SearchOptions(mode=SEMANTIC),
        limit=1,
        explain=True,
    )
    (hit,) = (await caller.stub.SearchMemories(request, timeout=60)).hits
    return hit.memory.text, round(hit.explanation.arms[0].raw, 3)


@asynccontextmanager
async def in_use(caller: Caller) -> AsyncIterator[list[str]]:
    """Create and search all the while; each call must succeed, each distance be right."""
    written: list[str] = []

    async def use() -> None:
        for number in count(MANY):
            await caller.create(fact(number))
            written.append(fact(number))
            for text in (fact(number), fact(number % MANY)):
                assert await nearest(caller, text) == (text, 1.0)

    task = asyncio.create_task(use())
    try:
        yield written
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def new_vectors(redis: Redis) -> int:
    """Return how many memories have a vector of the new model."""
    for name in await command(redis, "FT._LIST"):
        if b":64:" in name:
            found = await command(
                redis, "FT.SEARCH", name, "@embedded:{1}", "LIMIT", "0", "0", "DIALECT", "2"
            )
            return int(found[b"total_results"])
    return 0


async def index_count(redis: Redis) -> int:
    return len(await command(redis, "FT._LIST"))


async def test_the_model_is_changed_while_the_service_serves(
    directory: Path, extractor: ServerProcess
) -> None:
    (directory / "new").mkdir()
    async with (
        EmbeddedRedis(directory / "redis") as embedded,
        serving(extractor_in(directory / "new", model="hash:64")) as new_extractor,
    ):
        redis = connect(embedded.url)
        service = memory_in(directory, redis_url=embedded.url, extractor=extractor.address)
        async with serving(service), connected(service.address) as stub:
            caller = Caller(stub, "alice")
            for first in range(0, MANY, 100):
                await caller.create(*(fact(number) for number in range(first, first + 100)))
            async with in_use(caller) as written:
                killed = await start(embedded, new_extractor)

                async def begun() -> bool:
                    return await new_vectors(redis) > 0

                await wait_until(begun, "some have their new vectors", seconds=60)
                killed.kill()
                await killed.wait()
                assert await new_vectors(redis) < MANY
                assert not await redis.hexists("am:schema", "space")
                said = await ended(await start(embedded, new_extractor))
                assert "--finish" in said
                assert await redis.hexists("am:schema", "space")
                before = len(written)
                await wait_until(lambda: len(written) > before + 5, "more is written", seconds=60)
        async with (
            serving(
                memory_in(
                    directory,
                    name="after",
                    redis_url=embedded.url,
                    extractor=new_extractor.address,
                )
            ) as after,
            connected(after.address) as stub,
        ):
            caller = Caller(stub, "alice")

            async def complete() -> bool:
                return await nearest(caller, written[-1]) == (written[-1], 1.0)

            await wait_until(complete, "what was written last has a vector", seconds=60)
            for text in (*written, *(fact(number) for number in range(0, MANY, 50))):
                assert await nearest(caller, text) == (text, 1.0)
            await ended(await start(embedded, new_extractor, "--finish"))
            assert await nearest(caller, fact(7)) == (fact(7), 1.0)
        assert await index_count(redis) == 1
        assert [key async for key in keys_with(redis, b"vector")] == []
        assert await leaks(redis) == []
        await redis.aclose()


async def keys_with(redis: Redis, field: bytes) -> AsyncIterator[bytes]:
    async for key in redis.scan_iter(match="am:mem:*", count=1000):
        if await redis.hexists(key, field):
            yield key


async def test_a_command_without_an_extractor_says_so_in_one_line(directory: Path) -> None:
    async with EmbeddedRedis(directory / "redis") as embedded:
        nobody = extractor_in(directory)
        process = await start(embedded, nobody)
        _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    (line,) = said.decode().splitlines()
    assert line.startswith("reembed: no extractor answers at unix:")
