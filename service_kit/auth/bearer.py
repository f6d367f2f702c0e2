"""Where a caller puts a secret: one bearer token, or one API key, in the metadata of the call."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, SecretStr

from service_kit.auth.identity import Credentials, unauthenticated

_AUTHORIZATION = "authorization"
_API_KEY = "x-api-key"


def one_token(text: str) -> str:
    """The token, without the end of its line; ValueError for what no header can hold."""
    token = text.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("should have one line, a token")
    return token


def _one_secret(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    return SecretStr(one_token(text)) if text else secret


Token = Annotated[SecretStr, AfterValidator(_one_secret)]
"""A setting that is a token to show to others; empty, if it may be."""


def secret_of(credentials: Credentials) -> str | None:
    """Return the secret that the caller shows, None if there is none.

    It stands in `authorization: Bearer …` or in `x-api-key`. Raises UNAUTHENTICATED if it is not
    clear which one is meant, or another scheme is used.
    """
    if credentials.repeated & {_AUTHORIZATION, _API_KEY}:
        raise unauthenticated("credentials are given more than once")
    header, key = (credentials.metadata.get(name) for name in (_AUTHORIZATION, _API_KEY))
    if header is not None and key is not None:
        raise unauthenticated("credentials are given more than once")
    if header is None:
        return None if key is None else str(key)
    scheme, _, secret = str(header).partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise unauthenticated("the authorization is not of the form: Bearer, and a key or token")
    return secret.strip()
