from __future__ import annotations

import logging

import pytest
from agentmemory.v1 import extractor_service_pb2 as pb
from redis.asyncio import Redis

from memory_service.model_guard import ModelGuard
from memory_service.store.spaces import ModelMismatch, Space
from tests.support.redis import DIMENSION

OURS = pb.ModelInfo(name="ours", revision="1", dimension=DIMENSION)


async def test_the_first_model_that_brings_vectors_becomes_the_databases_own(redis: Redis):
    assert await ModelGuard(redis).accepts(OURS)
    assert await ModelGuard(redis).accepts(OURS)


@pytest.mark.parametrize(
    "other",
    [
        pb.ModelInfo(name="theirs", revision="1", dimension=DIMENSION),
        pb.ModelInfo(name="ours", revision="2", dimension=DIMENSION),
        pb.ModelInfo(name="ours", revision="1", dimension=DIMENSION + 1),
    ],
    ids=["name", "revision", "dimension"],
)
async def test_another_model_is_refused_and_said_once(
    redis: Redis, other: pb.ModelInfo, caplog: pytest.LogCaptureFixture
):
    guard = ModelGuard(redis)
    assert await guard.accepts(OURS)
    with caplog.at_level(logging.ERROR):
        assert not await guard.accepts(other)
        assert not await guard.accepts(other)
    assert len(caplog.records) == 1
    assert await guard.accepts(OURS)


async def test_a_check_names_both_models(redis: Redis):
    guard = ModelGuard(redis)
    await guard.check(OURS)
    with pytest.raises(ModelMismatch, match=r"ours@1, not theirs@1"):
        await guard.check(pb.ModelInfo(name="theirs", revision="1", dimension=DIMENSION))


async def test_what_counts_is_the_space_that_is_served_whatever_the_database_changed_to(
    redis: Redis,
):
    theirs = pb.ModelInfo(name="theirs", revision="1", dimension=DIMENSION)
    guard = ModelGuard(redis, Space("", DIMENSION, "ours@1"))
    # The database is of their model by now, and its vectors are as long as ours.
    await ModelGuard(redis).check(theirs)
    assert await guard.accepts(OURS)
    assert not await guard.accepts(theirs)
