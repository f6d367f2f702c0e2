"""Knows when no handler runs any more."""

from __future__ import annotations

import asyncio
from typing import Any

from service_kit.interceptors.around import AroundInterceptor, Context, Proceed, Rpc


class InFlightInterceptor(AroundInterceptor):
    """Counts running handlers: grpc's own stop does not wait for cancelled ones to clean up."""

    def __init__(self) -> None:
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def running(self) -> int:
        """How many handlers run now, health checks and reflection among them."""
        return self._running

    async def until_idle(self) -> None:
        """Return when no handler runs, and what the last one left to the event loop is done."""
        await self._idle.wait()
        await asyncio.sleep(0)

    async def around(self, rpc: Rpc, proceed: Proceed, request: Any, context: Context) -> Any:
        """Count one handler while it runs."""
        self._running += 1
        self._idle.clear()
        try:
            return await proceed(request, context)
        finally:
            self._running -= 1
            if self._running == 0:
                self._idle.set()
