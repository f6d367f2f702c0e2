"""Where a caller puts a secret: one bearer token, or one API key, in the metadata of the call."""

from __future__ import annotations

from service_kit.auth.identity import Credentials, unauthenticated

_AUTHORIZATION = "authorization"
_API_KEY = "x-api-key"


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
