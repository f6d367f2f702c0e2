"""Certificates and signed tokens for tests, made on the spot."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

ISSUER, AUDIENCE = "https://issuer.example", "agent-memory"


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    cert: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def cert_pem(self) -> bytes:
        return self.cert.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def write(self, directory: Path, name: str) -> tuple[Path, Path]:
        """Write both as PEM files and return their paths."""
        cert, key = directory / f"{name}.crt", directory / f"{name}.key"
        cert.write_bytes(self.cert_pem)
        key.write_bytes(self.key_pem)
        return cert, key


def authority(name: str = "test ca") -> Pair:
    return _made(name, None, [], valid=dt.timedelta(days=1))


def server_pair(ca: Pair, name: str = "server", host: str = "localhost") -> Pair:
    """A certificate for this machine, by the name `host`."""
    names = [x509.DNSName(host), x509.IPAddress(ip_address("127.0.0.1"))]
    return _made(name, ca, names, valid=dt.timedelta(days=1))


def client_pair(ca: Pair, cn: str, *uris: str, valid: dt.timedelta = dt.timedelta(days=1)) -> Pair:
    return _made(cn, ca, [x509.UniformResourceIdentifier(uri) for uri in uris], valid=valid)


def _made(
    cn: str, ca: Pair | None, names: Sequence[x509.GeneralName], *, valid: dt.timedelta
) -> Pair:
    """Make a pair signed by `ca`; without one it is an authority itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(ca.cert.subject if ca else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + valid)
        .add_extension(x509.BasicConstraints(ca is None, None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Pair(builder.sign(ca.key if ca else key, hashes.SHA256()), key)


_MAKERS: dict[str, Any] = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


@dataclass
class Issuer:
    """Signs tokens with keys of its own, and says which they are."""

    keys: dict[str, tuple[str, Any]] = field(default_factory=dict)

    def add(self, key_id: str, algorithm: str = "ES256") -> Issuer:
        self.keys[key_id] = (algorithm, _MAKERS[algorithm]())
        return self

    def jwks(self) -> bytes:
        keys = []
        for key_id, (algorithm, key) in self.keys.items():
            maker = jwt.get_algorithm_by_name(algorithm)
            described = json.loads(maker.to_jwk(key.public_key()))
            keys.append(described | {"kid": key_id, "use": "sig", "alg": algorithm})
        return json.dumps({"keys": keys}).encode()

    def public_pem(self, key_id: str) -> bytes:
        public = self.keys[key_id][1].public_key()
        pem: bytes = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem

    def token(self, key_id: str, **claims: Any) -> str:
        """Sign a good token, but for the claims given; None leaves one out."""
        algorithm, key = self.keys[key_id]
        return jwt.encode(claims_with(**claims), key, algorithm, headers={"kid": key_id})


def claims_with(**claims: Any) -> dict[str, Any]:
    """Return the claims of a good token, but for those given; None leaves one out."""
    now = int(time.time())
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "bot",
        "exp": now + 300,
        "nbf": now,
        "tenant": "acme",
        "roles": ["write"],
        "namespaces": ["support"],
    }
    return {name: value for name, value in (good | claims).items() if value is not None}
