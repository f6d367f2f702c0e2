"""Who is calling, and what they may do."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

import grpc

from service_kit.errors import ServiceError

ALL = "*"
"""Among allowed namespaces: each of the tenant's."""


class Role(enum.IntEnum):
    """What a caller may do; each may also do what those before it may."""

    NOTHING = 0
    READ = 1
    WRITE = 2
    ADMIN = 3


@dataclass(frozen=True)
class Identity:
    """A caller: its tenant, its name within the tenant, and what it may do there.

    Without a role and namespaces it may do nothing. `expires` is when its credential ends, in
    seconds since the epoch.
    """

    tenant: str
    subject: str
    role: Role = Role.NOTHING
    namespaces: frozenset[str] = frozenset()
    expires: float | None = None

    def may_touch(self, namespace: str) -> bool:
        """Whether the namespace is among those allowed."""
        return ALL in self.namespaces or namespace in self.namespaces


@dataclass(frozen=True)
class Credentials:
    """What a call shows of its caller: request metadata, peer address, TLS properties.

    `repeated` names what the metadata had more than once: which one counts nobody can say.
    """

    metadata: Mapping[str, str | bytes] = field(repr=False)
    peer: str
    auth_context: Mapping[str, Iterable[bytes]] = field(repr=False)
    repeated: frozenset[str] = frozenset()


class Authenticator(Protocol):
    """Finds the identity behind credentials."""

    async def authenticate(self, credentials: Credentials) -> Identity:
        """Return the caller's identity; ServiceError UNAUTHENTICATED if it has none."""


@dataclass(frozen=True)
class AnonymousAuthenticator:
    """Mode ``none``: everybody is the same anonymous caller of one tenant, and may do anything."""

    tenant: str = "default"

    async def authenticate(self, credentials: Credentials) -> Identity:
        """Ask for nothing."""
        return Identity(self.tenant, "anonymous", Role.ADMIN, frozenset({ALL}))


def unauthenticated(message: str) -> ServiceError:
    """Return the error of a caller who is nobody; the message never says which part was right."""
    return ServiceError(grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED", message)


_current: ContextVar[Identity] = ContextVar("identity")


def current_identity() -> Identity:
    """The caller of the RPC being handled; LookupError where nobody has been identified."""
    return _current.get()


@contextmanager
def acting_as(identity: Identity) -> Iterator[None]:
    """Make ``current_identity`` answer this identity within the block."""
    token = _current.set(identity)
    try:
        yield
    finally:
        _current.reset(token)
