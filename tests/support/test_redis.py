from __future__ import annotations

from redis.asyncio import Redis

from memory_service.store.keys import PAGE_SECRET, OwnerKeys
from tests.support.memories import ALICE, make, put
from tests.support.redis import leaks


async def test_keys_of_all_families_are_known(redis: Redis) -> None:
    keys = OwnerKeys(ALICE)
    await put(redis, make("any: {id} *"))
    for key in (
        *(keys.state, keys.facts, keys.sessions, keys.changes, PAGE_SECRET),
        *(keys.session("s:1"), keys.log("s:1"), keys.message_ids("s:1"), keys.history("m:1")),
        *(keys.shared.deltas, keys.shared.unembedded, keys.shared.dead),
    ):
        await redis.set(key, "")
    for key in (keys.lease("s:1"), keys.request("Append", "r:1")):
        await redis.set(key, "", ex=60)
    assert await leaks(redis) == []


async def test_a_key_of_no_family_and_one_that_never_expires_are_leaks(redis: Redis) -> None:
    lease = OwnerKeys(ALICE).lease("s")
    await redis.mset({"am:mem:x": "", "session:1": "", lease: ""})
    assert await leaks(redis) == [
        f"{lease} never expires",
        "am:mem:x is of no known family",
        "session:1 is of no known family",
    ]
    await redis.delete("am:mem:x", "session:1", lease)
