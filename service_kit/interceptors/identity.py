"""Finds out who is calling before a handler runs."""

from __future__ import annotations

from typing import Any

from service_kit.auth import Authenticator, Credentials, acting_as
from service_kit.interceptors.around import AroundInterceptor, Context, Proceed, Rpc


class IdentityInterceptor(AroundInterceptor):
    """Sets ``current_identity`` for the RPC; health checks and reflection need none."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def around(self, rpc: Rpc, proceed: Proceed, request: Any, context: Context) -> Any:
        """Handle one RPC as its caller."""
        if rpc.is_infrastructure:
            return await proceed(request, context)
        identity = await self._authenticator.authenticate(_credentials(context))
        with acting_as(identity):
            return await proceed(request, context)


def _credentials(context: Context) -> Credentials:
    return Credentials(
        metadata=dict(context.invocation_metadata() or ()),
        peer=context.peer(),
        auth_context=context.auth_context(),
    )
