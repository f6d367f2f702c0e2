"""What access log, metrics and traces have in common: they see RPCs begin and end, and how."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import grpc
import grpc.aio

from service_kit.interceptors.around import AroundInterceptor, Context, Proceed, Rpc

# The client's own timer may end the call first. Its core rounds the timeout it sends up by as much
# as 1%, and the network adds a little, so the server sees a cancellation just before the deadline.
_DEADLINE_ROUNDING = 0.01
_DEADLINE_SLACK_SECONDS = 0.02


@dataclass(frozen=True)
class Outcome:
    """How an RPC ended; ``peer_kind`` is ipv4, ipv6 or unix, never an address."""

    code: grpc.StatusCode
    seconds: float
    peer_kind: str


class Observer(Protocol):
    """Sees RPCs begin and end."""

    def started(self, rpc: Rpc) -> None:
        """Take note of an RPC that begins."""

    def finished(self, rpc: Rpc, outcome: Outcome) -> None:
        """Take note of an RPC that has ended; its answer is on its way."""


class ObservingInterceptor(AroundInterceptor):
    """Tells observers when RPCs begin and how they end. Belongs outside the errors interceptor."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers

    async def around(self, rpc: Rpc, proceed: Proceed, request: Any, context: Context) -> Any:
        """Watch one RPC."""
        for observer in self._observers:
            observer.started(rpc)
        return await watched(proceed, request, context, partial(self._ended, rpc))

    def _ended(self, rpc: Rpc, outcome: Outcome) -> None:
        # The answer goes out when the interceptors have returned, and a line of the log takes
        # 0.3 ms in a process that was idle before: not now, but with the context of now.
        asyncio.get_running_loop().call_soon(self._tell, rpc, outcome)

    def _tell(self, rpc: Rpc, outcome: Outcome) -> None:
        for observer in self._observers:
            observer.finished(rpc, outcome)


async def watched(
    proceed: Proceed, request: Any, context: Context, ended: Callable[[Outcome], object]
) -> Any:
    """Handle an RPC, and tell how it ended before it is answered."""
    began = time.perf_counter()
    timeout = context.time_remaining()
    code = grpc.StatusCode.UNKNOWN
    try:
        response = await proceed(request, context)
        code = _code_set(context) or grpc.StatusCode.OK
    except asyncio.CancelledError:
        code = code_of_cancellation(timeout, context.time_remaining())
        raise
    except grpc.aio.InternalError:
        # Written to a caller who has left: sometimes that is noticed before the cancellation.
        code = _code_set(context) or code_of_cancellation(timeout, context.time_remaining())
        raise
    except Exception:
        code = _code_set(context) or grpc.StatusCode.UNKNOWN
        raise
    finally:
        seconds = time.perf_counter() - began
        ended(Outcome(code, seconds, context.peer().partition(":")[0]))
    return response


def _code_set(context: Context) -> grpc.StatusCode | None:
    return context.code()  # None, whatever its type says, until a code is set


def code_of_cancellation(timeout: float | None, remaining: float | None) -> grpc.StatusCode:
    """Tell a passed deadline from a caller who left; seconds, None for an RPC without deadline."""
    if timeout is None or remaining is None:
        return grpc.StatusCode.CANCELLED
    if remaining <= timeout * _DEADLINE_ROUNDING + _DEADLINE_SLACK_SECONDS:
        return grpc.StatusCode.DEADLINE_EXCEEDED
    return grpc.StatusCode.CANCELLED
