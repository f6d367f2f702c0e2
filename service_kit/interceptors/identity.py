"""Finds out who is calling before a handler runs, and for as long as a stream runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from service_kit.auth import Authenticator, Credentials, Identity, acting_as, unauthenticated
from service_kit.errors import ServiceError
from service_kit.interceptors.around import AroundInterceptor, Context, Proceed, Rpc

RECHECK_SECONDS = 15.0
"""How often the caller of an open stream is identified again: a revoked key ends it."""


class IdentityInterceptor(AroundInterceptor):
    """Sets ``current_identity`` for the RPC; health checks and reflection need none.

    A stream ends with UNAUTHENTICATED when its caller's credential has expired or been revoked.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        *,
        recheck_seconds: float = RECHECK_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._authenticator = authenticator
        self._recheck_seconds = recheck_seconds
        self._clock = clock

    async def around(self, rpc: Rpc, proceed: Proceed, request: Any, context: Context) -> Any:
        """Handle one RPC as its caller."""
        if rpc.is_infrastructure:
            return await proceed(request, context)
        credentials = _credentials(context)
        identity = await self._authenticator.authenticate(credentials)
        with acting_as(identity):
            if rpc.kind == "unary":
                return await proceed(request, context)
            async with self._as_long_as_valid(credentials, identity):
                return await proceed(request, context)

    @asynccontextmanager
    async def _as_long_as_valid(
        self, credentials: Credentials, identity: Identity
    ) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(None) as limit:
                checking = asyncio.create_task(self._check(credentials, identity, limit))
                try:
                    yield
                finally:
                    checking.cancel()
        except TimeoutError:
            if limit.expired():
                raise unauthenticated("the credentials are not valid any more") from None
            raise

    async def _check(
        self, credentials: Credentials, identity: Identity, limit: asyncio.Timeout
    ) -> None:
        while True:
            await asyncio.sleep(self._pause(identity))
            try:
                now_is = await self._authenticator.authenticate(credentials)
            except ServiceError:
                break
            if not _grants_as_much(now_is, identity):
                break
        limit.reschedule(asyncio.get_running_loop().time())

    def _pause(self, identity: Identity) -> float:
        if identity.expires is None:
            return self._recheck_seconds
        left = identity.expires - self._clock()
        return min(max(left, 0.0) + 0.01, self._recheck_seconds)


def _grants_as_much(now_is: Identity, before: Identity) -> bool:
    same = (now_is.tenant, now_is.subject, now_is.namespaces)
    return same == (before.tenant, before.subject, before.namespaces) and now_is.role >= before.role


def _credentials(context: Context) -> Credentials:
    pairs = [(str(name), value) for name, value in context.invocation_metadata() or ()]
    names = [name for name, _ in pairs]
    return Credentials(
        metadata=dict(pairs),
        peer=context.peer(),
        auth_context=context.auth_context(),
        repeated=frozenset(name for name in names if names.count(name) > 1),
    )
