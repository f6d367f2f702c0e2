"""Requests that cannot be parsed: refused as any bad request is, not by grpc with UNKNOWN.

grpc parses outside of all interceptors and puts the parser's exception into its answer. So parsing
gives a marker instead, and the marker is refused where the handler would have run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from service_kit.errors import ServiceError
from service_kit.interceptors.around import AroundInterceptor, Context, Parser, Proceed, Rpc

_UNREADABLE = object()


class ParsingInterceptor(AroundInterceptor):
    """Answers INVALID_ARGUMENT / INVALID_FIELD. Belongs inside the errors interceptor."""

    async def around(self, rpc: Rpc, proceed: Proceed, request: Any, context: Context) -> Any:
        """Handle one RPC whose request could be read."""
        if rpc.kind in {"client_stream", "bidi_stream"}:
            return await proceed(_readable(request), context)
        return await proceed(_checked(request), context)

    def parser(self, parse: Parser | None) -> Parser | None:
        """Return a parser that gives a marker where `parse` fails."""
        return parse and _lenient(parse)


def _lenient(parse: Parser) -> Parser:
    def parsed(data: bytes) -> Any:
        try:
            return parse(data)
        except DecodeError:
            return _UNREADABLE

    return parsed


async def _readable(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for request in requests:
        yield _checked(request)


def _checked(request: Any) -> Any:
    if request is _UNREADABLE:
        raise ServiceError(
            grpc.StatusCode.INVALID_ARGUMENT,
            "INVALID_FIELD",
            "the request cannot be parsed: it is malformed, or nested too deep",
        )
    return request
