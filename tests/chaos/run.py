"""One run: a stack under load, struck by faults, then mended, quiet, and looked through."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

from memory_service.store.connection import connect
from tests.chaos import checks
from tests.chaos.faults import Striker
from tests.chaos.load import Surroundings, Worker, crew
from tests.chaos.record import Record
from tests.chaos.schedule import schedule
from tests.chaos.stand import Stand, standing, undisturbed


@dataclass(frozen=True)
class Plan:
    """How long a run strikes, how often at most, and how much it says."""

    seed: int
    seconds: float
    faults: int
    gap: float = 0.3
    """Seconds from fault to fault, on average, if they do not last."""
    pause: float = 0.4
    """Seconds between two calls of a caller, on average."""
    turns: int = 200
    """How many turns a talker says, spread over the run."""


async def run(plan: Plan) -> Record:
    """Return what happened. Raises AssertionError if the stack does not recover."""
    with tempfile.TemporaryDirectory(prefix="am-chaos-") as name:
        async with standing(Path(name)) as stand:
            record = Record()
            workers = await _under_fire(stand, record, plan)
            record.phases["mended"] = record.now
            await _look_through(stand, record, workers)
            record.phases["looked through"] = record.now
            return record


async def _under_fire(stand: Stand, record: Record, plan: Plan) -> list[Worker]:
    around = Surroundings(stand.stubs, record, asyncio.Event(), plan.pause, plan.seconds)
    workers = crew(around, plan.seed, turns=plan.turns)
    measuring = asyncio.create_task(stand.measure(record))
    try:
        async with asyncio.TaskGroup() as group:
            for worker in workers:
                group.create_task(worker.run())
            faults = schedule(plan.seed, gap=plan.gap)
            await Striker(stand, record).run(faults, seconds=plan.seconds, most=plan.faults)
            around.stopping.set()
    finally:
        measuring.cancel()
        await asyncio.wait([measuring])
    return workers


async def _look_through(stand: Stand, record: Record, workers: list[Worker]) -> None:
    redis = connect(stand.redis.url, max_connections=4)
    try:
        try:
            await checks.quiet(redis, workers)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{await checks.left(redis)}\n{stand.logs()}") from None
        record.phases["quiet"] = record.now
        async with undisturbed(stand) as calm:
            await checks.check(redis, workers, stand.stubs[0], calm, record)
    finally:
        await redis.aclose()
