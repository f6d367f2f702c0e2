"""EraseUser's receipt beside the raw database: every key, every value, of whatever type."""

from __future__ import annotations

from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from redis.asyncio import Redis

from memory_service.store.keys import family_of
from tests.support.marking import Marks, where

GONE, STAYS = Marks("zq7gone"), Marks("zq7stays")


async def test_nothing_of_an_erased_user_is_in_the_database_and_all_of_another_is(
    memory: MemoryServiceStub, database: Redis
) -> None:
    redis = database
    await GONE.live(memory)
    await STAYS.live(memory)
    before = await where(redis, GONE.mark)
    others = await where(redis, STAYS.mark)
    # The marks are in all that there is of a user: else this test would look past something.
    families = {family_of(key) for key in before}
    assert families >= {
        "mem",
        "rev",
        "wm",
        "log",
        "own",
        "facts",
        "used",
        "req",
        "changes",
        "deltas",
    }

    receipt = await memory.EraseUser(pb.EraseUserRequest(scope=GONE.scope, request_id="e1"))

    assert await where(redis, GONE.text) == set()
    left = await where(redis, GONE.mark)
    assert {family_of(key) for key in left} == {"own", "req"}, "counters and the receipt"
    assert await where(redis, STAYS.mark) == others
    counted = {key for key in before if GONE.mark in key}
    assert receipt.keys == len(counted - left)
    for family, number in (("mem", receipt.memories), ("wm", receipt.sessions)):
        assert number == len([key for key in counted if family_of(key) == family])


async def test_the_bytes_that_redis_keeps_have_no_text_of_an_erased_user(
    memory: MemoryServiceStub, database: Redis
) -> None:
    """Streams keep deleted entries until a node of theirs is empty: dumps show them too."""
    redis = database
    marks = Marks("zq7dumped")
    await marks.live(memory)
    await redis.config_set("rdbcompression", "no")
    assert [dump for dump in await dumps(redis) if marks.text.encode() in dump]
    await memory.EraseUser(pb.EraseUserRequest(scope=marks.scope))
    assert not [dump for dump in await dumps(redis) if marks.text.encode() in dump]


async def dumps(redis: Redis) -> list[bytes]:
    return [await redis.dump(key) or b"" async for key in redis.scan_iter(count=1000)]
