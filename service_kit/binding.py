"""Taking a port, and saying clearly why it cannot be had."""

from __future__ import annotations

import errno
import socket
from contextlib import closing

import grpc.aio

from service_kit.addresses import is_unix, split_address


class BindError(Exception):
    """An address cannot be listened on; its text is one line for the operator."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(f"cannot listen on {address}: {why}")
        self.address = address


def bind(
    server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials | None = None
) -> int:
    """Bind a server, with TLS if there are credentials, and return the port.

    For a Unix socket that is 0. Raises BindError.
    """
    why = _refusal(address)
    if why is not None:
        raise BindError(address, why)
    try:
        if credentials is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        why = "grpc cannot bind it" + (" with this certificate and key" if credentials else "")
        raise BindError(address, why) from error
    return 0 if is_unix(address) else port


def _refusal(address: str) -> str | None:
    # grpc says only "failed to bind", and prints the reason on stderr: ask the system first.
    if is_unix(address):
        return None
    host, port = split_address(address)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        return (error.strerror or "unknown host").lower()
    refusals = [_try(family, sockaddr) for family, _, _, _, sockaddr in found]
    in_use = [refusal for refusal in refusals if refusal and refusal.errno == errno.EADDRINUSE]
    # One address of several, such as ::1 of localhost, may be missing: grpc does without it.
    if in_use or all(refusals):
        chosen = (in_use or refusals)[0]
        return (chosen.strerror or "cannot listen").lower() if chosen else None
    return None


def _try(family: int, sockaddr: object) -> OSError | None:
    try:
        with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(sockaddr)  # type: ignore[arg-type]
    except OSError as error:
        return error
    return None
