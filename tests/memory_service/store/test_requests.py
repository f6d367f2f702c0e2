from __future__ import annotations

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from memory_service.domain.errors import RequestIdReused
from memory_service.domain.requests import RequestKey
from memory_service.store.keys import OwnerKeys
from memory_service.store.requests import KEPT_SECONDS, remembered, request_argument
from tests.support.extraction import CHAT, NOW, new_world, said
from tests.support.memories import ALICE, BOB

REQUEST = RequestKey("AppendMessages", "r:1", "arguments")


async def test_an_answer_is_remembered_for_a_day_for_its_owner_method_and_id(redis: Redis):
    world = await new_world(redis)
    await world.sessions.append(CHAT, said("one"), now=NOW, request=REQUEST)
    assert await remembered(redis, ALICE, REQUEST)
    assert await remembered(redis, BOB, REQUEST) is None
    assert await remembered(redis, ALICE, replace(REQUEST, method="Delete")) is None
    assert await remembered(redis, ALICE, replace(REQUEST, id="r:2")) is None
    assert await remembered(redis, ALICE, None) is None
    with pytest.raises(RequestIdReused):
        await remembered(redis, ALICE, replace(REQUEST, arguments="others"))
    left = await redis.ttl(OwnerKeys(ALICE).request("AppendMessages", "r:1"))
    assert KEPT_SECONDS - 60 < left <= KEPT_SECONDS


def test_without_a_request_id_there_is_nothing_to_remember():
    assert request_argument(ALICE, None) is None
