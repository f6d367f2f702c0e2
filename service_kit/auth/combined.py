"""Several ways to prove who one is, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from service_kit.auth.identity import Authenticator, Credentials, Identity, unauthenticated


class Way(Authenticator, Protocol):
    """An authenticator that can tell credentials of its kind from others."""

    def knows(self, credentials: Credentials) -> bool:
        """Whether the credentials are of its kind, valid or not."""


class CombinedAuthenticator:
    """Asks the first way that knows the credentials, and it alone: what it refuses is refused.

    A caller who shows a key or token is who that says, not who its certificate says: so a key that
    has been revoked never falls back to what the connection would allow.
    """

    def __init__(self, ways: Sequence[Way]) -> None:
        self._ways = tuple(ways)

    async def authenticate(self, credentials: Credentials) -> Identity:
        """Return the identity behind the credentials."""
        for way in self._ways:
            if way.knows(credentials):
                return await way.authenticate(credentials)
        raise unauthenticated("no credentials that are taken here")
