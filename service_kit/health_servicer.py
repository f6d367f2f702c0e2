"""The standard health service, ``grpc.health.v1.Health``.

Written here because the servicer of grpcio-health-checking never ends a Watch, so that a single
watcher holds up a drain until its grace is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from service_kit.interceptors.around import Context

_Response = health_pb2.HealthCheckResponse


class HealthServicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc]
    """Answers for a fixed set of services, none of which serves until told so."""

    def __init__(self, services: Iterable[str]) -> None:
        self._serving = dict.fromkeys(services, False)
        self._changed = asyncio.Condition()
        self._draining = False

    async def set_serving(self, answers: dict[str, bool]) -> None:
        """Change the answers of some services; ignored once the server drains."""
        async with self._changed:
            if not self._draining:
                self._serving.update(answers)
                self._changed.notify_all()

    async def drain(self) -> None:
        """Stop serving for good: watchers get a last answer, and their streams end."""
        async with self._changed:
            self._draining = True
            self._serving = dict.fromkeys(self._serving, False)
            self._changed.notify_all()

    async def Check(self, request: Any, context: Context) -> Any:
        """Answer once; NOT_FOUND for a service nobody declared."""
        if request.service not in self._serving:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return self._answer(request.service)

    async def List(self, request: Any, context: Context) -> Any:
        """Answer for all services."""
        answers = {service: self._answer(service) for service in self._serving}
        return health_pb2.HealthListResponse(statuses=answers)

    async def Watch(self, request: Any, context: Context) -> None:
        """Answer now and at each change, until the server drains."""
        told, last = None, False
        while not last:
            answer, last = await self._next_answer(request.service, told)
            if answer != told:
                await context.write(answer)
            told = answer

    async def _next_answer(self, service: str, told: Any) -> tuple[Any, bool]:
        async with self._changed:
            await self._changed.wait_for(lambda: self._draining or self._answer(service) != told)
            return self._answer(service), self._draining

    def _answer(self, service: str) -> Any:
        serving = self._serving.get(service)
        if serving is None:
            return _Response(status=_Response.SERVICE_UNKNOWN)
        return _Response(status=_Response.SERVING if serving else _Response.NOT_SERVING)
