"""Who is calling: identities, the authenticators that find them, and the rule for going without."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

from service_kit.addresses import is_loopback

NO_AUTHENTICATION = "none"


@dataclass(frozen=True)
class Identity:
    """A caller: the tenant whose data it may touch, and its name within the tenant."""

    tenant: str
    subject: str


@dataclass(frozen=True)
class Credentials:
    """What a call shows of its caller: request metadata, peer address, TLS properties."""

    metadata: Mapping[str, str | bytes] = field(repr=False)
    peer: str
    auth_context: Mapping[str, Iterable[bytes]] = field(repr=False)


class Authenticator(Protocol):
    """Finds the identity behind credentials."""

    async def authenticate(self, credentials: Credentials) -> Identity:
        """Return the caller's identity; ServiceError UNAUTHENTICATED if it has none."""


@dataclass(frozen=True)
class AnonymousAuthenticator:
    """Mode ``none``: everybody is the same anonymous caller of one tenant."""

    tenant: str = "default"

    async def authenticate(self, credentials: Credentials) -> Identity:
        """Ask for nothing."""
        return Identity(tenant=self.tenant, subject="anonymous")


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


def binding_refusal(
    address: str, *, mode: str, mode_given: bool, allow_unauthenticated: bool, prefix: str = ""
) -> str | None:
    """Say why this address must not be bound, or None.

    Without authentication whoever reaches the port owns the data, so an address that other
    machines can reach needs to be asked for twice: by the mode, given and not defaulted, and by
    ``allow_unauthenticated``. ``prefix`` is that of the environment variables.
    """
    if mode != NO_AUTHENTICATION or is_loopback(address):
        return None
    if mode_given and allow_unauthenticated:
        return None
    return (
        "without authentication only a loopback address is bound; to serve other machines "
        f"unauthenticated, set both {prefix}AUTH_MODE=none and {prefix}ALLOW_UNAUTHENTICATED=true"
    )
