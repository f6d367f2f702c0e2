"""Page tokens: opaque, signed, and good for the same arguments only."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from memory_service.domain.errors import InvalidPageToken

_SIGNATURE = 16


class PageTokens:
    """Signs and opens tokens with a secret that all processes of a database share."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def seal(self, arguments: bytes, position: list[Any]) -> str:
        """Return the token of `position` in the answer to a call with `arguments`."""
        body = json.dumps(position, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._sign(arguments, body) + body).decode()

    def open(self, arguments: bytes, token: str) -> list[Any] | None:
        """Return the position, None for the first page. Raises InvalidPageToken."""
        if not token:
            return None
        try:
            raw = base64.urlsafe_b64decode(token)
        except ValueError as error:
            raise InvalidPageToken from error
        # Base64 skips some letters and reads others in two ways.
        if base64.urlsafe_b64encode(raw).decode() != token:
            raise InvalidPageToken
        signature, body = raw[:_SIGNATURE], raw[_SIGNATURE:]
        if not hmac.compare_digest(signature, self._sign(arguments, body)):
            raise InvalidPageToken
        position: list[Any] = json.loads(body)
        return position

    def _sign(self, arguments: bytes, body: bytes) -> bytes:
        framed = len(arguments).to_bytes(8, "big") + arguments + body
        return hmac.digest(self._secret, framed, hashlib.sha256)[:_SIGNATURE]
