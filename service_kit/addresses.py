"""Addresses to listen on: ``host:port``, ``[ipv6]:port`` or ``unix:path``."""

from __future__ import annotations

import re
from ipaddress import ip_address

_UNIX = "unix:"
_IPV6 = r"\[(?P<ipv6>[0-9A-Fa-f:.]+)\]"
_HOST = r"(?P<host>[A-Za-z0-9._-]+)"
_HOST_AND_PORT = re.compile(rf"(?:{_IPV6}|{_HOST}):(?P<port>[0-9]{{1,5}})")
_HIGHEST_PORT = 65535


def is_unix(address: str) -> bool:
    """Whether the address is a Unix domain socket."""
    return address.startswith(_UNIX)


def split_address(address: str) -> tuple[str, int]:
    """Split ``host:port``; ValueError for anything else, a Unix socket too."""
    match = _HOST_AND_PORT.fullmatch(address)
    if match is None or int(match["port"]) > _HIGHEST_PORT:
        raise ValueError("should be host:port, [ipv6]:port or unix:path")
    return match["ipv6"] or match["host"], int(match["port"])


def check_address(address: str) -> str:
    """Return a valid address as it is; ValueError otherwise."""
    if not is_unix(address):
        split_address(address)
    elif address == _UNIX:
        raise ValueError("should name a path after unix:")
    return address


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach the address; names but localhost may lead anywhere."""
    if is_unix(address):
        return True
    host, _ = split_address(address)
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
