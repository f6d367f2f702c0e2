"""Channels to another service: kept alive, balanced, and quick to find a restarted server again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import grpc.aio
from google.protobuf.descriptor import ServiceDescriptor

from service_kit.authorized_channel import AuthorizedChannel
from service_kit.renewed_channel import RenewedChannel
from service_kit.tls import ClientCertificates, ClientFiles

_MIB = 1024 * 1024


def open_channel(
    target: str,
    *,
    retried_services: Iterable[ServiceDescriptor] = (),
    max_receive_bytes: int = 16 * _MIB,
    max_send_bytes: int = 16 * _MIB,
    keepalive_seconds: float = 30.0,
    extra_options: Sequence[tuple[str, Any]] = (),
    tls: ClientFiles | None = None,
    token: Callable[[], str] | None = None,
) -> grpc.aio.Channel:
    """Open a channel, with TLS if `tls` says so; it connects, and reconnects, by itself.

    New certificates are taken up as their files change. `token` gives what each call shows as its
    bearer token. Raises FileError.

    ``target`` is ``host:port``, or ``dns:///name:port`` to balance over all addresses of a name.
    Unary methods of ``retried_services`` are tried up to 4 times while the answer is UNAVAILABLE;
    streams are not, because what was sent on them would have to be sent again.
    """
    options = [
        ("grpc.service_config", json.dumps(service_config(retried_services))),
        ("grpc.max_receive_message_length", max_receive_bytes),
        ("grpc.max_send_message_length", max_send_bytes),
        ("grpc.keepalive_time_ms", round(keepalive_seconds * 1000)),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.max_reconnect_backoff_ms", 2000),
        # Also how long an attempt to connect may take; 20 s by default, which is how long a
        # machine that is gone would be waited for.
        ("grpc.min_reconnect_backoff_ms", 2000),
        # A restarted pod has another address; by default a name is looked up every 30 s at most.
        ("grpc.dns_min_time_between_resolutions_ms", 2000),
    ]
    options += extra_options
    if tls is None:
        channel = grpc.aio.insecure_channel(target, options=options)
    else:
        opened = partial(grpc.aio.secure_channel, target, options=options)
        channel = RenewedChannel(opened, ClientCertificates(tls).current)
    return channel if token is None else AuthorizedChannel(channel, token)


def service_config(retried_services: Iterable[ServiceDescriptor]) -> dict[str, Any]:
    """The channel's service config: https://github.com/grpc/grpc/blob/master/doc/service_config.md."""
    config: dict[str, Any] = {"loadBalancingConfig": [{"round_robin": {}}]}
    names = [name for service in retried_services for name in _unary_methods(service)]
    if names:
        config["methodConfig"] = [{"name": names, "retryPolicy": _RETRY_POLICY}]
    return config


_RETRY_POLICY = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "1s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}


def _unary_methods(service: ServiceDescriptor) -> list[dict[str, str]]:
    return [
        {"service": service.full_name, "method": method.name}
        for method in service.methods
        if not (method.client_streaming or method.server_streaming)
    ]
