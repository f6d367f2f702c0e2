"""What runs beside the RPCs goes on, whatever happens in one round of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from memory_service import backlog_metrics, pump
from memory_service.backlog_metrics import BacklogMetrics
from memory_service.domain.errors import SearchTimeout
from memory_service.index_keeper import IndexKeeper
from memory_service.store.keys import INDEX_ALIAS
from memory_service.store.turns import Turns
from memory_service.store.use import UseStore
from memory_service.use_notes import UseNotes
from memory_service.vector_sweep import VectorSweep
from tests.memory_service.test_forget_schedule import schedule
from tests.memory_service.test_pump import pump_of
from tests.support.embedding import FakeEmbedding
from tests.support.extraction import World, new_world
from tests.support.waiting import wait_until


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog_metrics, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(pump, "STORE_RETRY_SECONDS", 0.01)


class Part:
    """Stands in for a part of a loop: the first time there is trouble, then nothing to do."""

    def __init__(self, trouble: type[Exception]) -> None:
        self.asked = 0
        self._trouble = trouble

    async def __call__(self, *_: Any, **__: Any) -> list[str]:
        self.asked += 1
        if self.asked == 1:
            raise self._trouble("private text")
        await asyncio.sleep(0)
        return []


def loop_of(kind: str, world: World, part: Part, monkeypatch: pytest.MonkeyPatch) -> Any:
    match kind:
        case "pump, reading" | "pump, claiming":
            name = "read" if kind == "pump, reading" else "claim"
            monkeypatch.setattr(world.queue, name, part)
            return pump_of(world)
        case "sweep":
            monkeypatch.setattr(world.memories, "unembedded", part)
            return VectorSweep(world.memories, FakeEmbedding(), every=0.01)
        case "index":
            return IndexKeeper(part, every=0.01)
        case "use":
            notes = UseNotes(UseStore(world.redis), world.clock, every=0.01)
            monkeypatch.setattr(notes, "write", part)
            return notes
        case "backlog":
            metrics = BacklogMetrics(world.redis, INDEX_ALIAS, CollectorRegistry())
            monkeypatch.setattr(metrics, "look", part)
            return metrics
        case _:
            monkeypatch.setattr(Turns, "take", part)
            return schedule(world)


@pytest.mark.parametrize("trouble", [SearchTimeout, ZeroDivisionError])
@pytest.mark.parametrize(
    "kind", ["pump, reading", "pump, claiming", "sweep", "index", "use", "backlog", "forgetting"]
)
async def test_trouble_in_one_round_is_logged_and_the_next_comes(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    trouble: type[Exception],
):
    part = Part(trouble)
    task = asyncio.create_task(loop_of(kind, world, part, monkeypatch).run())
    try:
        await wait_until(lambda: task.done() or part.asked > 1, "the next round has come")
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert len([record for record in caplog.records if record.levelname != "INFO"]) == 1
