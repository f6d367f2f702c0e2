"""Forgetting that is set up to run by itself."""

from __future__ import annotations

from pathlib import Path

from agentmemory.v1 import memory_service_pb2 as pb

from memory_service.embedded import EmbeddedRedis
from service_kit.children import ServerProcess
from tests.support.client import Caller, connected
from tests.support.stack import memory_in, serving
from tests.support.waiting import wait_until

FORGETFUL = {"MEMORY_FORGET_EVERY_SECONDS": "0.3", "MEMORY_FORGET_MAX_MEMORIES": "2"}


async def count(caller: Caller) -> int:
    listed = await caller.stub.ListMemories(pb.ListMemoriesRequest(scope=caller.scope()))
    return listed.total_size


async def test_servers_forget_regularly_for_all_owners(
    directory: Path, extractor: ServerProcess
) -> None:
    async with EmbeddedRedis(directory / "redis") as redis:
        processes = [
            memory_in(
                directory,
                name=f"memory{n}",
                redis_url=redis.url,
                extractor=extractor.address,
                settings=FORGETFUL,
            )
            for n in range(2)
        ]
        async with (
            serving(processes[0]) as first,
            serving(processes[1]),
            connected(first.address) as stub,
        ):
            callers = [Caller(stub, user) for user in ("alice", "bob")]
            for round_ in range(2):
                for caller in callers:
                    await caller.create(*(f"fact {round_} {n}" for n in range(5)))

                async def forgotten() -> bool:
                    return all([await count(caller) == 2 for caller in callers])

                await wait_until(forgotten, "what is too much is forgotten", seconds=30)
        assert "forgetting is done" in processes[0].log_tail() + processes[1].log_tail()
