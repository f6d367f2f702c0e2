"""How a caller connects for production: `deploy/client/service_config.json`, and ids on writes.

The config spreads calls over all instances of a name, leaves out those that are not healthy, and
tries again what failed with UNAVAILABLE. A write is tried again without harm because each bears a
request_id: the service does it once, however often it comes.

Who is calling is said by the environment: AGENT_MEMORY_TOKEN, an API key or a token, and
AGENT_MEMORY_CA, a PEM file of the authority that signed the servers' certificates (without: the
system's). With either the channel is encrypted; a token never travels on one that is not.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import grpc
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


def credentials() -> grpc.ChannelCredentials | None:
    """Return what the environment says; None if that is nothing: for a server of this machine."""
    ca, token = os.environ.get("AGENT_MEMORY_CA"), os.environ.get("AGENT_MEMORY_TOKEN")
    if not (ca or token):
        return None
    tls = grpc.ssl_channel_credentials(Path(ca).read_bytes() if ca else None)
    if not token:
        return tls
    return grpc.composite_channel_credentials(tls, grpc.access_token_call_credentials(token))


def connect(target: str, *, options: Sequence[tuple[str, Any]] = ()) -> grpc.aio.Channel:
    """Open a channel to all instances of a name: `dns:///agent-memory:50051`."""
    shared: Any = {
        "options": [
            ("grpc.service_config", json.dumps(json.loads(SERVICE_CONFIG.read_text()))),
            # A restarted instance has another address; by default it is looked up after 30 s.
            ("grpc.dns_min_time_between_resolutions_ms", 2000),
            ("grpc.keepalive_time_ms", 30_000),
            *options,
        ],
        "interceptors": [RequestIds()],
    }
    if (shown := credentials()) is None:
        return grpc.aio.insecure_channel(target, **shared)
    return grpc.aio.secure_channel(target, shown, **shared)
