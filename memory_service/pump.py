"""The pump: from notices of new messages to memories. Any number of processes may run one."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from memory_service.cancellation import check_cancelled
from memory_service.domain.errors import (
    Contention,
    ExtractorTooSlow,
    ExtractorUnavailable,
    SearchTimeout,
    StoreUnavailable,
)
from memory_service.domain.owner import SessionRef
from memory_service.extraction import LARGEST_DELTA, SessionExtraction
from memory_service.extraction_metrics import ExtractionMetrics
from memory_service.going_on import going_on
from memory_service.log_names import log_names
from memory_service.store.connection import store_errors
from memory_service.store.leases import Leases
from memory_service.store.queue import Notice, WorkQueue
from memory_service.summarizing import Summarizing
from service_kit.tracing.spans import NO_SPANS, Kind, Spans

logger = logging.getLogger(__name__)

_Step = Callable[[], Awaitable[None]]

READ_COUNT = 16
READ_BLOCK_MS = 1000
LEASE_POLL_SECONDS = 0.5
FULL_POLL_SECONDS = 0.1
FIRST_RETRY_SECONDS = 0.25
LAST_RETRY_SECONDS = 5.0
STORE_RETRY_SECONDS = 1.0

MOST_NOTICES = 32_768
"""Notices in hand at which no more are taken, 17 MB: while the extractor is away, each append adds
one. A round of reading may add some thousands to them."""

MOST_OF_SESSION = 1024
"""Notices of one session in hand, so that a few which get nowhere leave the others their room."""


@dataclass(frozen=True, slots=True)
class PumpTiming:
    """When messages are extracted, in seconds.

    A session is extracted when it has been quiet for `quiet`, and at least every `longest` while it
    is not. A notice that nobody has dealt with for `claim_idle` is taken over; that must exceed
    `longest`, or a pump would claim from those who are only waiting.
    """

    quiet: float
    longest: float
    claim_idle: float

    def __post_init__(self) -> None:
        if self.claim_idle <= self.longest:
            raise ValueError("claim_idle must exceed longest")


@dataclass(slots=True)
class _Backlog:
    """The notices of one session that this process has in hand.

    `most` is how many messages its next delta may have: fewer after one that took too long.
    """

    first: float
    last: float
    retry_seconds: float = 0.0
    most: int = LARGEST_DELTA
    notices: dict[str, Notice] = field(default_factory=dict)

    def note(self, notice: Notice) -> None:
        """Take a notice in hand; of too many, the one that tells of most takes the last place.

        The session is extracted as far as that one tells, and what has no place is claimed again.
        """
        if len(self.notices) >= MOST_OF_SESSION and notice.id not in self.notices:
            _, last = self.notices.popitem()
            notice = max(notice, last, key=lambda each: (each.generation, each.tail, each.given))
        self.notices[notice.id] = notice


class Pump:
    """Reads notices, lets each session settle, and has it extracted."""

    def __init__(
        self,
        queue: WorkQueue,
        extraction: SessionExtraction,
        summarizing: Summarizing,
        leases: Leases,
        timing: PumpTiming,
        *,
        parallel_sessions: int,
        waiting_sessions: int,
        metrics: ExtractionMetrics | None = None,
        spans: Spans = NO_SPANS,
    ) -> None:
        self._queue = queue
        self._extraction = extraction
        self._summarizing = summarizing
        self._leases = leases
        self._timing = timing
        self._slots = asyncio.Semaphore(parallel_sessions)
        self._waiting_sessions = waiting_sessions
        self._steps = (metrics or ExtractionMetrics()).steps
        self._spans = spans
        self._backlogs: dict[SessionRef, _Backlog] = {}
        self._workers: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Run until cancelled; trouble is waited out."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._forever(self._read))
                tasks.create_task(self._forever(self._claim))
        finally:
            for worker in self._workers:
                worker.cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)

    async def _forever(self, step: _Step) -> None:
        while True:
            check_cancelled()
            wait = STORE_RETRY_SECONDS
            with going_on(logger, "the queue cannot be read"):
                await step()
                wait = 0.0
            await asyncio.sleep(wait)

    async def _read(self) -> None:
        while self._full():  # noqa: ASYNC110 - no hurry
            await asyncio.sleep(FULL_POLL_SECONDS)
        for notice in await self._queue.read(count=READ_COUNT, block_ms=READ_BLOCK_MS):
            self._note(notice)

    async def _claim(self) -> None:
        idle = self._timing.claim_idle
        # Until there are none, so that what a process left that died does not take many rounds.
        while not self._full():
            notices = await self._queue.claim(min_idle_ms=round(idle * 1000), count=READ_COUNT)
            for notice in notices:
                self._note(notice)
            if not notices:
                break
        # Spread, so that replicas started together do not ask together.
        await asyncio.sleep(idle / 2 * random.uniform(0.8, 1.2))  # noqa: S311

    def _full(self) -> bool:
        in_hand = sum(len(backlog.notices) for backlog in self._backlogs.values())
        return len(self._backlogs) >= self._waiting_sessions or in_hand >= MOST_NOTICES

    def _note(self, notice: Notice) -> None:
        now = time.monotonic()
        backlog = self._backlogs.get(notice.ref)
        if backlog is None:
            backlog = self._backlogs[notice.ref] = _Backlog(first=now, last=now)
            worker = asyncio.create_task(self._work(notice.ref, backlog))
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        backlog.last = now
        backlog.note(notice)

    async def _work(self, ref: SessionRef, backlog: _Backlog) -> None:
        """Deal with a session until nothing is in hand; what trouble leaves is claimed later."""
        try:
            with store_errors():
                while backlog.notices:
                    check_cancelled()
                    await self._settle(backlog)
                    async with self._slots:
                        wait = await self._extract(ref, backlog)
                    await asyncio.sleep(wait)
        except (StoreUnavailable, SearchTimeout, Contention) as error:
            self._steps.labels("put_off").inc()
            extra = {"error": type(error).__name__, **log_names(ref)}
            logger.warning("extraction put off", extra=extra)
        except Exception:
            # A defect with one session must not end the others; its notices are claimed again.
            self._steps.labels("failed").inc()
            logger.exception("extraction failed", extra=log_names(ref))
        finally:
            del self._backlogs[ref]

    async def _settle(self, backlog: _Backlog) -> None:
        while (left := self._due(backlog) - time.monotonic()) > 0:  # noqa: ASYNC110 - time
            await asyncio.sleep(left)

    def _due(self, backlog: _Backlog) -> float:
        return min(backlog.last + self._timing.quiet, backlog.first + self._timing.longest)

    async def _extract(self, ref: SessionRef, backlog: _Backlog) -> float:
        """Extract one delta; return how many seconds to wait before the next."""
        async with self._leases.try_hold(ref) as held:
            if not held:
                return LEASE_POLL_SECONDS
            try:
                with self._traced(backlog):
                    await self._step(ref, backlog)
            except ExtractorUnavailable as error:
                if isinstance(error, ExtractorTooSlow):
                    backlog.most = max(error.messages // 2, 1)
                self._steps.labels("unavailable").inc()
                backlog.retry_seconds = _longer(backlog.retry_seconds)
                return backlog.retry_seconds * random.uniform(0.5, 1.0)  # noqa: S311
        backlog.retry_seconds = 0.0
        backlog.most = min(backlog.most * 2, LARGEST_DELTA)
        return 0.0

    def _traced(self, backlog: _Backlog) -> AbstractContextManager[None]:
        """Return the span of a step: within the trace of what was noted first."""
        origins = [notice.trace for notice in backlog.notices.values() if notice.trace]
        noted = {"messaging.batch.message_count": len(backlog.notices)}
        return self._spans.continued("extract session", Kind.CONSUMER, origins, noted)

    async def _step(self, ref: SessionRef, backlog: _Backlog) -> None:
        in_hand = list(backlog.notices.values())
        progress = await self._extraction.step(ref, in_hand, most=backlog.most)
        committed = progress is not None and progress.committed
        self._steps.labels("committed" if committed else "nothing").inc()
        done = [n.id for n in in_hand if progress is None or progress.fulfils(n)]
        if done and not committed:
            await self._queue.drop(ref.owner, done)
        for notice_id in done:
            backlog.notices.pop(notice_id, None)
        if done:
            backlog.first = time.monotonic()
        if committed:
            await self._summarizing.keep_up(ref)


def _longer(seconds: float) -> float:
    return min(max(seconds * 2, FIRST_RETRY_SECONDS), LAST_RETRY_SECONDS)
