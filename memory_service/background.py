"""What runs beside the RPCs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from memory_service.backlog_metrics import BacklogMetrics
from memory_service.expiry import SessionExpiry
from memory_service.forget_schedule import ForgetSchedule
from memory_service.index_keeper import IndexKeeper
from memory_service.pump import Pump
from memory_service.revision_signal import RevisionSignal
from memory_service.use_notes import UseNotes
from memory_service.vector_sweep import VectorSweep

Work = Coroutine[Any, Any, None]


@dataclass(frozen=True, slots=True)
class Background:
    """All of it; `forgetting` only where it is asked for."""

    pump: Pump
    sweep: VectorSweep
    expiry: SessionExpiry
    signal: RevisionSignal
    use: UseNotes
    index: IndexKeeper
    forgetting: ForgetSchedule | None
    backlog: BacklogMetrics

    def work(self, *, extraction: bool) -> list[Work]:
        """Return what is to run; without `extraction` another process sees to that."""
        extracting = (self.pump, self.sweep, self.expiry) if extraction else ()
        forgetting = (self.forgetting,) if self.forgetting else ()
        always = (self.signal, self.use, self.index, self.backlog)
        return [each.run() for each in (*always, *extracting, *forgetting)]


@asynccontextmanager
async def running(work: Work) -> AsyncIterator[None]:
    """Run `work` beside the block, and end with it; if it fails, the block is cancelled."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        yield
        task.cancel()
