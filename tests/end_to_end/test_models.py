"""Vectors of two models never meet."""

from __future__ import annotations

from pathlib import Path

import pytest

from memory_service.embedded import EmbeddedRedis
from memory_service.store.connection import connect
from memory_service.store.spaces import Model, record_model
from service_kit.children import ChildError, ServerProcess
from tests.support.stack import memory_in

OTHER = Model("another-model", "1", 384)


async def test_a_start_beside_another_model_is_refused_with_one_line(
    directory: Path, extractor: ServerProcess
) -> None:
    async with EmbeddedRedis(directory / "redis") as redis:
        client = connect(redis.url)
        await record_model(client, OTHER)
        await client.aclose()
        memory = memory_in(directory, redis_url=redis.url, extractor=extractor.address)
        await memory.start()
        with pytest.raises(ChildError):
            await memory.serving()
    said = [line for line in memory.log_tail().splitlines() if line.startswith("memory: ")]
    assert len(said) == 1
    assert "another-model@1, not " in said[0]
    assert "`python -m memory_service.reembed`" in said[0]
    assert "Traceback" not in memory.log_tail()
