"""Strike the stack as scheduled, and mend each time what was struck."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

from tests.chaos.record import Record, Struck
from tests.chaos.schedule import Fault
from tests.chaos.stand import Stand

AT_ONCE = 3
"""So many faults at a time at most, each of another target."""


class Striker:
    """Carries out a schedule until told to stop."""

    def __init__(self, stand: Stand, record: Record) -> None:
        self._stand = stand
        self._record = record
        self._busy: dict[str, asyncio.Lock] = {}
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def run(self, faults: Iterator[Fault], *, seconds: float, most: int) -> None:
        """Strike for so many seconds, so often at most; return when all is mended."""
        ends = self._record.now + seconds
        async with asyncio.TaskGroup() as group:
            for fault in faults:
                await asyncio.sleep(fault.wait)
                await self._at_once.acquire()
                if self._record.now >= ends or fault.number > most:
                    break
                group.create_task(self._strike(fault))

    async def _strike(self, fault: Fault) -> None:
        try:
            async with self._busy.setdefault(fault.target, asyncio.Lock()):
                began = self._record.now
                if fault.target in self._stand.links:
                    await self._strike_link(fault)
                elif fault.kind == "pause":
                    await self._pause(fault)
                else:
                    await self._end(fault)
                self._record.struck.append(Struck(fault, began, self._record.now))
        finally:
            self._at_once.release()

    async def _strike_link(self, fault: Fault) -> None:
        link = self._stand.links[fault.target]
        if fault.kind == "cut":
            link.cut()
        elif fault.kind == "delay":
            link.delay_seconds = fault.delay
            await asyncio.sleep(fault.seconds)
            link.delay_seconds = 0.0
        else:
            # What was asked is done, and whoever asked never hears of it.
            link.hold()
            await asyncio.sleep(fault.seconds)
            link.cut()
            link.release()

    async def _pause(self, fault: Fault) -> None:
        self._stand.send(fault.target, signal.SIGSTOP)
        await asyncio.sleep(fault.seconds)
        self._stand.send(fault.target, signal.SIGCONT)

    async def _end(self, fault: Fault) -> None:
        number = signal.SIGKILL if fault.kind == "kill" else signal.SIGTERM
        await self._stand.end(fault.target, number)
        await asyncio.sleep(fault.seconds)
        await self._stand.start(fault.target)
