"""Callers known by a signed token (JWT, RFC 7519) of an issuer that the operator trusts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from service_kit.auth.bearer import secret_of
from service_kit.auth.grants import ROLES, check_name
from service_kit.auth.identity import Credentials, Identity, Role, unauthenticated
from service_kit.auth.jwks import KEY_TYPES, KeySet

_INVALID = "the token is not valid"
_MAX_CHARACTERS = 8192


@dataclass(frozen=True)
class TokenRules:
    """What a token must say, and where it says what its bearer may do.

    `tenant`, `role` and `namespaces` are for tokens without the claims; empty: such tokens are
    refused, or may do nothing. `subjects`: only these are let in, if there are any.
    """

    issuer: str
    audience: str
    leeway: float = 30.0
    tenant_claim: str = "tenant"
    roles_claim: str = "roles"
    namespaces_claim: str = "namespaces"
    tenant: str = ""
    role: Role = Role.NOTHING
    namespaces: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()


class TokenAuthenticator:
    """Checks signature, issuer, audience and times, and reads the identity from the claims."""

    def __init__(self, keys: KeySet, rules: TokenRules) -> None:
        self._keys = keys
        self._rules = rules

    def knows(self, credentials: Credentials) -> bool:
        """Whether the caller shows something that looks like a token."""
        return (secret_of(credentials) or "").count(".") == 2

    async def authenticate(self, credentials: Credentials) -> Identity:
        """Return the identity that the token stands for."""
        token = secret_of(credentials) or ""
        claims = self._verified(token, await self._key(token))
        subject = claims.get("sub")
        if self._rules.subjects and subject not in self._rules.subjects:
            raise unauthenticated(_INVALID)
        return self._identity(claims)

    async def _key(self, token: str) -> jwt.PyJWK:
        try:
            header = jwt.get_unverified_header(token[:_MAX_CHARACTERS])
        except jwt.PyJWTError:
            raise unauthenticated(_INVALID) from None
        algorithm, key_id = header.get("alg"), header.get("kid", "")
        named = isinstance(algorithm, str) and isinstance(key_id, str)
        if not named or algorithm not in KEY_TYPES:
            raise unauthenticated(_INVALID)
        key = await self._keys.find(algorithm, key_id)
        if key is None:
            raise unauthenticated(_INVALID)
        return key

    def _verified(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                issuer=self._rules.issuer,
                audience=self._rules.audience,
                leeway=self._rules.leeway,
                options={"require": ["exp", "iss", "aud"]},
            )
        # Beyond its own errors it lets a few of odd claims pass: an `exp` of NaN, say.
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
            raise unauthenticated(_INVALID) from None

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        rules = self._rules
        tenant = _claim(claims, rules.tenant_claim)
        roles = _words(_claim(claims, rules.roles_claim))
        namespaces = _words(_claim(claims, rules.namespaces_claim))
        try:
            return Identity(
                check_name(_text(rules.tenant if tenant is None else tenant)),
                check_name(_text(claims.get("sub", "token"))),
                rules.role if roles is None else _role(roles),
                rules.namespaces if namespaces is None else frozenset(namespaces),
                float(claims["exp"]) + rules.leeway,
            )
        except ValueError:
            raise unauthenticated("the token does not say whose it is") from None
        except OverflowError:  # The integer of an `exp` may be larger than any float.
            raise unauthenticated(_INVALID) from None


def _role(roles: list[str]) -> Role:
    """Return the highest of the roles that mean something here; issuers know others, too."""
    return max((ROLES[role] for role in roles if role in ROLES), default=Role.NOTHING)


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """Return a claim by its name, or by a path of names such as `realm_access.roles`."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _words(value: Any) -> list[str] | None:
    """Return a list of words, or words with spaces between, as a list; None if there is none."""
    if isinstance(value, str):
        return value.split()
    if isinstance(value, list):
        return [each for each in value if isinstance(each, str)]
    return None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("is not a text")
    return value
