"""Health as a declaration: each service has its checks and serves while all of them pass."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

from service_kit.health_servicer import HealthServicer
from service_kit.safe_traceback import exception_name

_log = logging.getLogger(__name__)

OVERALL = ""

LIVENESS = "liveness"
"""Who does not serve this is ended and started anew: declare no check but of what only that heals.

Without checks it serves while the process answers, whatever becomes of the rest.
"""


@dataclass(frozen=True, eq=False)  # told apart by identity, so that any callable may be a probe
class Check:
    """A question such as "does Redis answer?".

    ``probe`` fails by returning False, raising, or taking longer than ``timeout`` seconds; its
    answer is good for ``ttl`` seconds.
    """

    name: str
    probe: Callable[[], Awaitable[bool]]
    ttl: float = 5.0
    timeout: float = 2.0


class CachedCheck:
    """Asks a check's probe at most once a ttl, and never twice at a time."""

    def __init__(self, check: Check, clock: Callable[[], float] = time.monotonic) -> None:
        self.check = check
        self._clock = clock
        self._asking = asyncio.Lock()
        self._asked_at = 0.0
        self._passing: bool | None = None

    async def passes(self) -> bool:
        """Whether the check passes, or did less than a ttl ago."""
        async with self._asking:
            now = self._clock()
            if self._passing is None or now - self._asked_at >= self.check.ttl:
                self._asked_at = now
                passing, why = await self._ask()
                self._note(passing, why)
            return bool(self._passing)

    async def _ask(self) -> tuple[bool, str]:
        try:
            async with asyncio.timeout(self.check.timeout):
                passing = await self.check.probe()
        except TimeoutError:
            return False, "timeout"
        except Exception as error:
            return False, exception_name(error)
        return passing, "passes" if passing else "fails"

    def _note(self, passing: bool, why: str) -> None:
        if passing != self._passing:
            level = logging.INFO if passing else logging.WARNING
            extra = {"check": self.check.name, "passing": passing, "why": why}
            _log.log(level, "health check changed", extra=extra)
        self._passing = passing


class Health:
    """Keeps the health service's answers true; an async context manager while the server runs.

    ``services`` maps full service names to their checks. The overall health, ``""``, needs all
    checks of all services unless it is declared too.
    """

    def __init__(
        self,
        services: Mapping[str, Sequence[Check]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        every = [check for checks in services.values() for check in checks]
        self._services = {OVERALL: every, **services}
        checks = {check for checks in self._services.values() for check in checks}
        self._cached = {check: CachedCheck(check, clock) for check in checks}
        self._refreshing: asyncio.Task[None] | None = None
        self.servicer = HealthServicer(self._services)

    async def refresh(self) -> None:
        """Ask every check whose answer is too old, and publish the answers."""
        passing = await asyncio.gather(*(cached.passes() for cached in self._cached.values()))
        passed = {check for check, passes in zip(self._cached, passing, strict=True) if passes}
        await self.servicer.set_serving(
            {service: passed.issuperset(checks) for service, checks in self._services.items()}
        )

    async def drain(self) -> None:
        """Answer NOT_SERVING for good, and end the watches."""
        await self.servicer.drain()

    async def __aenter__(self) -> Health:
        """Begin to check in the background; until the first answers nothing serves."""
        self._refreshing = asyncio.create_task(self._refresh_forever())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop checking."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.wait([self._refreshing])

    async def _refresh_forever(self) -> None:
        pause = min((check.ttl for check in self._cached), default=3600.0)
        while True:
            await self.refresh()
            await asyncio.sleep(pause)
