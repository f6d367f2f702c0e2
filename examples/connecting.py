"""How a caller connects for production: `deploy/client/service_config.json`, and ids on writes.

The config spreads calls over all instances of a name, leaves out those that are not healthy, and
tries again what failed with UNAVAILABLE. A write is tried again without harm because each bears a
request_id: the service does it once, however often it comes.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import grpc.aio
from google.protobuf.message import Message

SERVICE_CONFIG = Path(__file__).parents[1] / "deploy/client/service_config.json"


class RequestIds(grpc.aio.UnaryUnaryClientInterceptor):
    """Gives each write a request_id, unless its caller did."""

    async def intercept_unary_unary(
        self,
        continuation: Callable[[Any, Message], Awaitable[Any]],
        client_call_details: Any,
        request: Message,
    ) -> Any:
        """Pass a copy on; the caller's request stays as it is."""
        if getattr(request, "request_id", None) == "":
            given, request = request, type(request)()
            request.CopyFrom(given)
            request.request_id = str(uuid.uuid4())  # type: ignore[attr-defined]
        return await continuation(client_call_details, request)


def connect(target: str, *, options: Sequence[tuple[str, Any]] = ()) -> grpc.aio.Channel:
    """Open a channel to all instances of a name: `dns:///agent-memory:50051`."""
    config = json.dumps(json.loads(SERVICE_CONFIG.read_text()))
    return grpc.aio.insecure_channel(
        target,
        options=[
            ("grpc.service_config", config),
            # A restarted instance has another address; by default it is looked up after 30 s.
            ("grpc.dns_min_time_between_resolutions_ms", 2000),
            ("grpc.keepalive_time_ms", 30_000),
            *options,
        ],
        interceptors=[RequestIds()],
    )
