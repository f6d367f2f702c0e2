"""Who is calling: identities, the ways to prove one, and the rule for going without."""

from service_kit.auth.binding import NO_AUTHENTICATION, binding_refusal, plaintext_refusal
from service_kit.auth.identity import (
    ALL,
    AnonymousAuthenticator,
    Authenticator,
    Credentials,
    Identity,
    Role,
    acting_as,
    current_identity,
    unauthenticated,
)

__all__ = [
    "ALL",
    "NO_AUTHENTICATION",
    "AnonymousAuthenticator",
    "Authenticator",
    "Credentials",
    "Identity",
    "Role",
    "acting_as",
    "binding_refusal",
    "current_identity",
    "plaintext_refusal",
    "unauthenticated",
]
