"""Lets callers do what they may. What no rule is about, nobody may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from service_kit.access import Rule, Rules, check_request, check_role, denied
from service_kit.auth import Identity, current_identity
from service_kit.interceptors.around import AroundInterceptor, Context, Proceed, Rpc


class AccessInterceptor(AroundInterceptor):
    """Answers PERMISSION_DENIED. Belongs inside those for identity and for parsing."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    async def around(self, rpc: Rpc, proceed: Proceed, request: Any, context: Context) -> Any:
        """Handle one RPC that its caller may make."""
        if rpc.is_infrastructure:
            return await proceed(request, context)
        identity = current_identity()
        rule = self._rules.get(f"{rpc.service}/{rpc.method}")
        if rule is None:
            raise denied("nobody may do this")
        check_role(identity, rule.role)
        if rpc.kind in {"client_stream", "bidi_stream"}:
            return await proceed(_allowed(identity, rule, request), context)
        check_request(identity, rule, request)
        return await proceed(request, context)


async def _allowed(
    identity: Identity, rule: Rule, requests: AsyncIterator[Any]
) -> AsyncIterator[Any]:
    follows = False
    async for request in requests:
        check_request(identity, rule, request, follows=follows)
        follows = True
        yield request
