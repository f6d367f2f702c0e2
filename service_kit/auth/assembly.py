"""The authenticator that the settings ask for."""

from __future__ import annotations

from pathlib import Path

from service_kit.auth.api_keys import ApiKeyAuthenticator
from service_kit.auth.combined import CombinedAuthenticator, Way
from service_kit.auth.grants import ROLES
from service_kit.auth.identity import AnonymousAuthenticator, Authenticator, Role
from service_kit.auth.settings import API_KEY, JWT, MTLS, AuthSettings


def authenticator(settings: AuthSettings) -> Authenticator:
    """Return who finds out who is calling; files are read. Raises FileError."""
    if not settings.modes:
        return AnonymousAuthenticator(settings.tenant)
    ways: list[Way] = []
    if API_KEY in settings.modes:
        assert settings.api_keys_file is not None
        ways.append(ApiKeyAuthenticator(settings.api_keys_file))
    if JWT in settings.modes:
        ways.append(_tokens(settings))
    if MTLS in settings.modes:
        ways.append(_certificates(settings))
    return CombinedAuthenticator(ways)


def _tokens(settings: AuthSettings) -> Way:
    # Cryptography takes a tenth of a second to import: only for those who need it.
    from service_kit.auth.jwks import JwksFile, JwksUrl
    from service_kit.auth.tokens import TokenAuthenticator, TokenRules

    where = settings.jwt_jwks
    keys = JwksUrl(where) if "://" in where else JwksFile(Path(where))
    rules = TokenRules(
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        leeway=settings.jwt_leeway_seconds,
        tenant_claim=settings.jwt_tenant_claim,
        roles_claim=settings.jwt_roles_claim,
        namespaces_claim=settings.jwt_namespaces_claim,
        tenant=settings.jwt_tenant,
        role=ROLES.get(settings.jwt_role, Role.NOTHING),
        namespaces=_names(settings.jwt_namespaces),
        subjects=_names(settings.jwt_subjects),
    )
    return TokenAuthenticator(keys, rules)


def _certificates(settings: AuthSettings) -> Way:
    from service_kit.auth.certificates import CertificateAuthenticator

    assert settings.certificates_file is not None
    return CertificateAuthenticator(settings.certificates_file)


def _names(text: str) -> frozenset[str]:
    return frozenset(each.strip() for each in text.split(",") if each.strip())
