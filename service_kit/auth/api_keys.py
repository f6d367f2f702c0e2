"""API keys: random, kept as a hash, in a file that may change while the server runs.

A key is ``am_<id>_<secret>``: the id finds its entry, and may be shown and logged; the secret is
256 random bits. The file keeps SHA-256 of the secret. A slow hash, as for passwords, would add
nothing: no dictionary has a random secret, and guessing 256 bits is hopeless at any speed; but each
call would cost a tenth of a second, and anybody could make a server spend it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from service_kit.auth.bearer import secret_of
from service_kit.auth.grants import ROLES, Entry, Name, parse
from service_kit.auth.identity import Credentials, Identity, unauthenticated
from service_kit.watched_file import WatchedFile

PREFIX = "am_"
_KEY = re.compile(r"am_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


class ApiKey(Entry):
    """What the file says of a key."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    subject: Name
    created: AwareDatetime
    expires: AwareDatetime | None = None


class KeyFile(BaseModel):
    """All keys. Several may be of the same tenant and subject, so that one can follow another."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    keys: list[ApiKey]


def new_secret() -> tuple[str, str, str]:
    """Return a new key, its id, and the hash to keep of it."""
    id_, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    return f"{PREFIX}{id_}_{secret}", id_, _hash(secret)


def parse_keys(data: bytes) -> Mapping[str, ApiKey]:
    """Return the keys of a file by id; ValueError if it is not a file of keys."""
    keys = parse(KeyFile, data).keys
    by_id = {key.id: key for key in keys}
    if len(by_id) != len(keys):
        raise ValueError("two keys have the same id")
    return by_id


class ApiKeyAuthenticator:
    """Finds a caller by its key. A key that is no longer in the file is good for a second more."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        """Read the file. Raises FileError."""
        self._file = WatchedFile(path, parse_keys)
        self._clock = clock

    def knows(self, credentials: Credentials) -> bool:
        """Whether the caller shows something that looks like an API key."""
        return (secret_of(credentials) or "").startswith(PREFIX)

    async def authenticate(self, credentials: Credentials) -> Identity:
        """Return the identity that the key stands for."""
        shown = _KEY.fullmatch(secret_of(credentials) or "")
        key = self._file.value.get(shown[1]) if shown else None
        if shown is None or key is None or not hmac.compare_digest(_hash(shown[2]), key.sha256):
            raise unauthenticated("the API key is not valid")
        expires = key.expires.timestamp() if key.expires else None
        if expires is not None and expires <= self._clock():
            raise unauthenticated("the API key is not valid")
        return Identity(
            key.tenant, key.subject, ROLES[key.role], frozenset(key.namespaces), expires
        )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
