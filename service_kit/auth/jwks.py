"""The public keys that tokens are checked with: of a file, or of an https URL, kept for a while."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import grpc
import jwt

from service_kit.errors import ServiceError
from service_kit.safe_traceback import exception_name
from service_kit.watched_file import WatchedFile

_log = logging.getLogger(__name__)

KEY_TYPES = {"RS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}
"""Algorithms that tokens may be signed with, and the type of key that each needs: never a shared
secret, so that a public key cannot be used as one (RS/HS confusion)."""

_CURVES = {"EC": {"P-256"}, "OKP": {"Ed25519", "Ed448"}}
_SHORTEST_RSA_BITS = 2048
_MAX_BYTES = 1024 * 1024
_TIMEOUT = 5.0
FRESH_SECONDS = 300.0
"""How long fetched keys are used before they are fetched again."""
RETRY_SECONDS = 10.0
"""How long after a fetch, good or bad, none follows, whatever key ids tokens name."""
STALE_SECONDS = 24 * 3600.0
"""How long keys are used at most when they cannot be fetched again."""

Keys = Mapping[tuple[str, str], jwt.PyJWK]
"""By type and id of the key; the id is empty if it has none."""


class KeySet(Protocol):
    """Where keys come from."""

    async def find(self, algorithm: str, key_id: str) -> jwt.PyJWK | None:
        """Return the key of this id, for this algorithm; None if there is none."""


def parse_jwks(data: bytes) -> Keys:
    """Return the keys of a JWKS that tokens can be signed with; ValueError if it has none."""
    document = json.loads(data)
    given = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(given, list):
        raise ValueError("is not a JWKS: it has no list of keys")
    keys = {(each["kty"], str(each.get("kid", ""))): key for each in given if (key := _key(each))}
    if not keys:
        raise ValueError("has no RSA, P-256 or Ed25519 key for signatures")
    return keys


def _key(given: Any) -> jwt.PyJWK | None:
    if not isinstance(given, dict) or given.get("use", "sig") != "sig":
        return None
    algorithm = {kty: name for name, kty in KEY_TYPES.items()}.get(str(given.get("kty")))
    if algorithm is None or given.get("alg", algorithm) != algorithm:
        return None
    if given.get("crv") not in _CURVES.get(given["kty"], {None}):
        return None
    try:
        key = jwt.PyJWK(given, algorithm=algorithm)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    if given["kty"] == "RSA" and getattr(key.key, "key_size", 0) < _SHORTEST_RSA_BITS:
        return None
    return key


def _find(keys: Keys, algorithm: str, key_id: str) -> jwt.PyJWK | None:
    kty = KEY_TYPES[algorithm]
    if not key_id:
        of_type = [key for (each, _), key in keys.items() if each == kty]
        return of_type[0] if len(of_type) == 1 else None
    return keys.get((kty, key_id))


class JwksFile:
    """A JWKS file; it may change while the server runs."""

    def __init__(self, path: Path) -> None:
        """Read the file. Raises FileError."""
        self._file = WatchedFile(path, parse_jwks)

    async def find(self, algorithm: str, key_id: str) -> jwt.PyJWK | None:
        """Return the key."""
        return _find(self._file.value, algorithm, key_id)


class JwksUrl:
    """A JWKS at an https URL: fetched when it is needed and old, or does not have the key."""

    def __init__(
        self,
        url: str,
        fetch: Callable[[str], bytes] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._fetch = fetch or fetch_https
        self._clock = clock
        self._keys: Keys = {}
        self._fetched = self._tried = float("-inf")
        self._fetching = asyncio.Lock()

    async def find(self, algorithm: str, key_id: str) -> jwt.PyJWK | None:
        """Return the key. ServiceError UNAVAILABLE if keys cannot be had at all."""
        found = _find(self._keys, algorithm, key_id)
        if found is None or self._age > FRESH_SECONDS:
            async with self._fetching:
                if self._clock() - self._tried >= RETRY_SECONDS:
                    await self._renew()
            found = _find(self._keys, algorithm, key_id)
        if self._age > STALE_SECONDS:
            raise ServiceError(
                grpc.StatusCode.UNAVAILABLE,
                "IDENTITY_UNAVAILABLE",
                "the keys that tokens are checked with cannot be fetched",
            )
        return found

    @property
    def _age(self) -> float:
        return self._clock() - self._fetched

    async def _renew(self) -> None:
        self._tried = self._clock()
        try:
            self._keys = parse_jwks(await asyncio.to_thread(self._fetch, self._url))
        except Exception as error:
            _log.error("the JWKS cannot be fetched", extra={"exception": exception_name(error)})
        else:
            self._fetched = self._clock()


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect may lead to http, or to somebody else."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def fetch_https(url: str) -> bytes:
    """Return what is at an https URL: up to 1 MiB, no redirects. Raises OSError, ValueError."""
    if not url.startswith("https://"):
        raise ValueError("should begin with https://")
    opener = urllib.request.build_opener(_NoRedirects)
    with opener.open(url, timeout=_TIMEOUT) as response:
        data: bytes = response.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise ValueError("is too large")
    return data
