"""What survives what, as docs/durability.md says."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from redis.asyncio import Redis

from memory_service.domain.owner import Owner, OwnerKind
from memory_service.embedded import EmbeddedRedis
from memory_service.store import schema
from memory_service.store.connection import command, connect
from memory_service.store.keys import INDEX_ALIAS, MEMORY_PREFIX, OwnerKeys
from service_kit.children import ServerProcess
from tests.support import append_only
from tests.support.client import Caller, Stub, connected
from tests.support.redis import leaks
from tests.support.stack import again, memory_in, serving
from tests.support.waiting import wait_until

ALICE = OwnerKeys(Owner("default", "e2e", OwnerKind.USER, "alice"))
PATIENCE = 60.0
CUTS = 6
WRITES = 25
SEED = 7


@dataclass
class Promised:
    """What was acknowledged, and how long the append-only file was then."""

    tried: int = 0
    messages: list[tuple[str, int]] = field(default_factory=list)
    memories: list[tuple[str, int]] = field(default_factory=list)


async def write(stub: Stub, data_dir: Path, promised: Promised, *, until: asyncio.Event) -> None:
    """Append and create in turn until told to stop or refused."""
    caller = Caller(stub, user="alice")
    while not until.is_set():
        promised.tried += 1
        try:
            said = f"I own book {promised.tried}."
            await caller.say("chat", said)
            promised.messages.append((said, append_only.size(data_dir)))
            created = await caller.create(f"Alice keeps bee {promised.tried}.")
            id_ = created.results[0].memory.id
            promised.memories.append((id_, append_only.size(data_dir)))
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
            return


async def test_with_appendfsync_always_what_was_acknowledged_survives_kills_of_everything(
    directory: Path, extractor: ServerProcess
) -> None:
    chance, data_dir = random.Random(SEED), directory / "redis"
    redis = EmbeddedRedis(data_dir, appendfsync="always")
    await redis.start()
    memory = memory_in(directory, redis_url=redis.url, extractor=extractor.address)
    promised = Promised()
    try:
        async with serving(memory), connected(memory.address) as stub:
            for _ in range(3):
                stop = asyncio.Event()
                writing = asyncio.create_task(write(stub, data_dir, promised, until=stop))
                await asyncio.sleep(chance.uniform(0.1, 0.8))
                assert redis.pid is not None
                os.kill(redis.pid, signal.SIGKILL)
                await memory.kill()
                stop.set()
                await writing
                await redis.stop()
                await redis.start()
                await again(memory)
            caller = Caller(stub, user="alice")
            log = [message.content for message in (await caller.working_memory("chat")).messages]
            kept = [said for said, _ in promised.messages]
            assert [said for said in log if said in kept] == kept
            ids = {memory.id for memory in await caller.memories()}
            assert {id_ for id_, _ in promised.memories} <= ids
            await caller.flush("chat")
            assert len(promised.messages) > 3
    finally:
        await redis.stop()


@pytest.mark.parametrize(("setting", "seconds"), [("always", 0.0), ("everysec", 2.0)])
async def test_what_was_acknowledged_is_on_the_disk_when_the_setting_says_so(
    directory: Path, setting: str, seconds: float
) -> None:
    """At once, or within the second that everysec is named for and the one that a sync may take.

    The engine itself says up to where the file is synced: WAITAOF.
    """
    async with EmbeddedRedis(directory / "redis", appendfsync=setting) as embedded:
        redis = connect(embedded.url, max_connections=1)
        try:
            for number in range(4):
                await redis.xadd("log", {"message": f"{number}"})
                began = time.monotonic()
                synced, _ = await command(redis, "WAITAOF", "1", "0", "10000")
                assert synced == 1
                # Some patience for a machine that is busy.
                assert time.monotonic() - began <= seconds + 0.5
        finally:
            await redis.aclose()


@pytest.fixture
async def written(directory: Path, extractor: ServerProcess) -> tuple[Path, Promised]:
    """The data directory of a Redis that was written to for a while, and what was promised."""
    data_dir, promised = directory / "redis", Promised()
    async with EmbeddedRedis(data_dir) as redis:
        memory = memory_in(directory, redis_url=redis.url, extractor=extractor.address)
        async with serving(memory), connected(memory.address) as stub:
            stop = asyncio.Event()
            writing = asyncio.create_task(write(stub, data_dir, promised, until=stop))
            await wait_until(
                lambda: len(promised.memories) >= WRITES, "enough is written", seconds=PATIENCE
            )
            stop.set()
            await writing
            await Caller(stub, user="alice").flush("chat")
    return data_dir, promised


async def test_an_append_only_file_cut_anywhere_is_a_state_that_was(
    written: tuple[Path, Promised], directory: Path
) -> None:
    """So is what a crash of the machine leaves: no write in part, none without those before it."""
    data_dir, promised = written
    chance, whole = random.Random(SEED), append_only.size(data_dir)
    first = promised.messages[0][1]
    cuts = [whole, *(chance.randint(first, whole) for _ in range(CUTS - 1))]
    for number, size in enumerate(cuts):
        left = directory / f"cut{number}"
        append_only.copy(data_dir, left, size=size)
        async with restored(left) as redis:
            await assert_consistent(redis)
            log = [fields[b"message"] for _, fields in await redis.xrange(ALICE.log("chat"))]
            kept = [said for said, at in promised.messages if at <= size]
            assert all(said.encode() in entry for said, entry in zip(kept, log, strict=False))
            assert len(log) >= len(kept)
            for id_, at in promised.memories:
                assert at > size or await redis.exists(ALICE.memory(id_))


@asynccontextmanager
async def restored(data_dir: Path) -> AsyncIterator[Redis]:
    async with EmbeddedRedis(data_dir) as embedded:
        redis = connect(embedded.url, max_connections=2)
        try:
            yield redis
        finally:
            await redis.aclose()


async def assert_consistent(redis: Redis) -> None:
    """The session, its log, the memories, the feed and the index tell of one moment."""
    assert await leaks(redis) == []
    session = await redis.hgetall(ALICE.session("chat"))
    assert int(session[b"tail"]) == await redis.xlen(ALICE.log("chat"))
    assert int(session[b"cursor"]) <= int(session[b"tail"])
    revision = int(await redis.hget(ALICE.state, "revision") or 0)
    feed = await redis.xrange(ALICE.changes)
    assert revision == int(feed[-1][0].partition(b"-")[0] if feed else 0)
    await schema.ensure(redis, dimension=384)
    hashes = [key async for key in redis.scan_iter(f"{MEMORY_PREFIX}*")]
    info = await command(redis, "FT.INFO", INDEX_ALIAS)
    assert (int(info[b"num_docs"]), int(info[b"hash_indexing_failures"])) == (len(hashes), 0)


class FromSnapshot(EmbeddedRedis):
    """A Redis that takes its data from a snapshot: with an append-only file it would not look."""

    def _options(self, module: Path) -> list[str]:
        options = super()._options(module)
        options[options.index("--appendonly") + 1] = "no"
        return options


@pytest.mark.parametrize("backup", ["append-only file", "snapshot"])
async def test_a_backup_taken_while_all_runs_restores_it(
    directory: Path, extractor: ServerProcess, backup: str
) -> None:
    async with EmbeddedRedis(directory / "redis") as redis:
        memory = memory_in(directory, redis_url=redis.url, extractor=extractor.address)
        async with serving(memory), connected(memory.address) as stub:
            caller = Caller(stub, user="alice")
            await caller.say("chat", "I live in Oslo.")
            await caller.flush("chat")
            await caller.create("Alice plays the cello.")
            memories, chat = await caller.memories(), await caller.working_memory("chat")
            copied = await copy_while_running(redis.url, directory, backup)
            await caller.create("Alice has a dog.")

    kind = FromSnapshot if backup == "snapshot" else EmbeddedRedis
    async with kind(copied) as redis:
        client = connect(redis.url, max_connections=1)
        if backup == "snapshot":
            await client.config_set("appendonly", "yes")
        await client.aclose()
        memory = memory_in(
            directory, redis_url=redis.url, extractor=extractor.address, name="restored"
        )
        async with serving(memory), connected(memory.address) as stub:
            caller = Caller(stub, user="alice")
            assert await caller.memories() == memories
            assert await caller.working_memory("chat") == chat
            best, *_ = await caller.found("plays the cello")
            assert best == "Alice plays the cello."
            await caller.say("chat", "I have a cat.")


async def copy_while_running(url: str, directory: Path, backup: str) -> Path:
    """As docs/durability.md tells operators to."""
    to, client = directory / "backup", connect(url, max_connections=1)
    if backup == "append-only file":
        # A rewrite would change files under the copy.
        await client.config_set("auto-aof-rewrite-percentage", "0")
        assert not (await client.info("persistence"))["aof_rewrite_in_progress"]
        append_only.copy(directory / "redis", to)
        await client.config_set("auto-aof-rewrite-percentage", "100")
    else:
        before = await client.lastsave()
        await client.bgsave()

        async def saved() -> bool:
            return not (await client.info("persistence"))["rdb_bgsave_in_progress"]

        await wait_until(saved, "the snapshot is written", seconds=PATIENCE)
        assert await client.lastsave() >= before
        to.mkdir()
        (to / "dump.rdb").write_bytes((directory / "redis" / "dump.rdb").read_bytes())
    await client.aclose()
    return to
