"""Which addresses may be served how: by accident, nobody is let in and no secret travels openly."""

from __future__ import annotations

from service_kit.addresses import is_loopback

NO_AUTHENTICATION = "none"


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


def plaintext_refusal(
    address: str, *, secrets: bool, tls: bool, allow_plaintext: bool, prefix: str = ""
) -> str | None:
    """Say why secrets, such as API keys and tokens, must not travel to this address, or None."""
    if not secrets or tls or allow_plaintext or is_loopback(address):
        return None
    return (
        f"API keys and tokens would travel unencrypted to and from {address}: set up TLS, or set "
        f"{prefix}ALLOW_PLAINTEXT=true if something else encrypts, such as a service mesh"
    )
