"""Callers known by the certificate of their connection, which TLS has verified already.

A file says who they are, by a URI of the certificate (a SPIFFE id, say) or by its common name:

    {"certificates": [
        {"uri": "spiffe://prod.example/agents/{tenant}", "role": "write", "namespaces": ["*"]},
        {"cn": "billing", "tenant": "acme", "role": "read", "namespaces": ["invoices"]}]}

``{tenant}`` stands for one or more letters, digits, ``.``, ``_`` and ``-``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography import x509
from pydantic import BaseModel, ConfigDict, model_validator

from service_kit.auth.bearer import secret_of
from service_kit.auth.grants import ROLES, Entry, parse
from service_kit.auth.identity import Credentials, Identity, unauthenticated
from service_kit.watched_file import WatchedFile

_TENANT = "{tenant}"
_ONE_NAME = r"(?P<tenant>[A-Za-z0-9._-]{1,128})"


class Certificate(Entry):
    """Which certificates an entry is about, and what it grants them; the first that fits counts."""

    tenant: str = ""
    uri: str = ""
    cn: str = ""

    @model_validator(mode="after")
    def _is_about_one_name_and_one_tenant(self) -> Self:
        if bool(self.uri) == bool(self.cn):
            raise ValueError("needs either uri or cn")
        if bool(self.tenant) == (_TENANT in self.name) or self.name.count(_TENANT) > 1:
            raise ValueError("needs a tenant, given or once as {tenant} in its name")
        return self

    @property
    def name(self) -> str:
        """What the certificate must be named."""
        return self.uri or self.cn


class CertificateFile(BaseModel):
    """All entries."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    certificates: list[Certificate]


@dataclass(frozen=True)
class _Rule:
    pattern: re.Pattern[str]
    entry: Certificate


def _rules(data: bytes) -> list[_Rule]:
    return [_Rule(_pattern(each.name), each) for each in parse(CertificateFile, data).certificates]


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(re.escape(name).replace(re.escape(_TENANT), _ONE_NAME))


class CertificateAuthenticator:
    """Finds a caller by the certificate that its connection was made with."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        """Read the file. Raises FileError."""
        self._file = WatchedFile(path, _rules)
        self._clock = clock

    def knows(self, credentials: Credentials) -> bool:
        """Whether the connection has a verified certificate, and the call no secret besides."""
        shown = any(credentials.auth_context.get("x509_pem_cert", ()))
        return shown and secret_of(credentials) is None

    async def authenticate(self, credentials: Credentials) -> Identity:
        """Return the identity that the certificate stands for."""
        expires = _expires(credentials.auth_context.get("x509_pem_cert", ()))
        if expires <= self._clock():
            raise unauthenticated("the certificate is not valid any more")
        uris = _texts(credentials.auth_context.get("peer_uri", ()))
        names = _texts(credentials.auth_context.get("x509_common_name", ()))
        for rule in self._file.value:
            for name in uris if rule.entry.uri else names:
                if match := rule.pattern.fullmatch(name):
                    return _identity(rule.entry, match, name, expires)
        raise unauthenticated("the certificate stands for nobody here")


def _identity(entry: Certificate, match: re.Match[str], name: str, expires: float) -> Identity:
    tenant = entry.tenant or match["tenant"]
    return Identity(tenant, name, ROLES[entry.role], frozenset(entry.namespaces), expires)


def _expires(pem: Iterable[bytes]) -> float:
    for each in pem:
        return x509.load_pem_x509_certificate(each).not_valid_after_utc.timestamp()
    raise unauthenticated("the connection has no certificate of the caller")


def _texts(values: Iterable[bytes]) -> list[str]:
    return [value.decode("utf-8", "replace") for value in values]
