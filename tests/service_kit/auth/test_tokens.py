from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest

from service_kit.auth import ALL, Credentials, Identity, Role
from service_kit.auth.jwks import (
    FRESH_SECONDS,
    RETRY_SECONDS,
    STALE_SECONDS,
    JwksFile,
    JwksUrl,
    fetch_https,
    parse_jwks,
)
from service_kit.auth.tokens import TokenAuthenticator, TokenRules
from service_kit.errors import ServiceError
from service_kit.watched_file import FileError
from tests.support.certificates import AUDIENCE, ISSUER, Issuer, claims_with
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer().add("es").add("rs", "RS256").add("ed", "EdDSA")


@pytest.fixture
def jwks(issuer: Issuer, tmp_path: Path) -> Path:
    path = tmp_path / "jwks.json"
    path.write_bytes(issuer.jwks())
    return path


def rules(**given: Any) -> TokenRules:
    return TokenRules(**{"issuer": ISSUER, "audience": AUDIENCE, "leeway": 5.0} | given)


def authenticator(jwks: Path, **given: Any) -> TokenAuthenticator:
    return TokenAuthenticator(JwksFile(jwks), rules(**given))


def showing(token: str) -> Credentials:
    return Credentials({"authorization": f"Bearer {token}"}, "ipv4:10.0.0.1:1", {})


async def refused(known: TokenAuthenticator, token: str) -> str:
    with pytest.raises(ServiceError) as raised:
        await known.authenticate(showing(token))
    assert raised.value.code is grpc.StatusCode.UNAUTHENTICATED
    return raised.value.message


@pytest.mark.parametrize("key_id", ["es", "rs", "ed"])
async def test_a_signed_token_stands_for_its_claims(jwks: Path, issuer: Issuer, key_id: str):
    expires = int(time.time()) + 100
    token = issuer.token(key_id, exp=expires)
    assert await authenticator(jwks).authenticate(showing(token)) == Identity(
        "acme", "bot", Role.WRITE, frozenset({"support"}), expires + 5.0
    )


BAD_CLAIMS: dict[str, dict[str, Any]] = {
    "expired": {"exp": int(time.time()) - 60},
    "not yet": {"nbf": int(time.time()) + 3600},
    "issued in the future": {"iat": int(time.time()) + 3600},
    "of another issuer": {"iss": "https://other.example"},
    "for another audience": {"aud": "another"},
    "for others": {"aud": ["another", "third"]},
    "without expiry": {"exp": None},
    "without issuer": {"iss": None},
    "without audience": {"aud": None},
    "with an odd expiry": {"exp": "tomorrow"},
    "without a tenant": {"tenant": None},
    "with an empty tenant": {"tenant": ""},
    "with a tenant that is no text": {"tenant": ["acme"]},
    "with a tenant with a newline": {"tenant": "acme\nother"},
    "with a long tenant": {"tenant": "a" * 129},
}


@pytest.mark.parametrize("name", BAD_CLAIMS)
async def test_a_token_is_refused(jwks: Path, issuer: Issuer, name: str):
    assert await refused(authenticator(jwks), issuer.token("es", **BAD_CLAIMS[name]))


async def test_clocks_may_differ_by_the_leeway(jwks: Path, issuer: Issuer):
    token = issuer.token("es", exp=int(time.time()) - 3, nbf=int(time.time()) + 3)
    assert await authenticator(jwks).authenticate(showing(token))


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    parts = (json.dumps(part).encode() for part in (header, claims))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


async def test_a_token_without_a_signature_is_refused(jwks: Path):
    known = authenticator(jwks)
    for alg in ("none", "None", "NONE", "", None):
        body = unsigned({"alg": alg, "kid": "es"}, claims_with())
        for end in (".", ".AAAA"):
            await refused(known, body + end)


@pytest.mark.parametrize("key_id", ["es", "rs", "ed"])
async def test_a_public_key_is_never_taken_for_a_shared_secret(
    jwks: Path, issuer: Issuer, key_id: str
):
    for secret in (issuer.public_pem(key_id), issuer.jwks(), b""):
        body = unsigned({"alg": "HS256", "kid": key_id}, claims_with())
        mac = hmac.digest(secret, body.encode(), hashlib.sha256)
        token = f"{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
        await refused(authenticator(jwks), token)


async def test_a_key_is_used_with_its_own_algorithm_only(jwks: Path, issuer: Issuer):
    key = issuer.keys["rs"][1]
    for algorithm in ("RS384", "RS512", "PS256"):
        token = jwt.encode(claims_with(), key, algorithm, headers={"kid": "rs"})
        await refused(authenticator(jwks), token)
    crossed = jwt.encode(claims_with(), key, "RS256", headers={"kid": "es"})
    await refused(authenticator(jwks), crossed)


async def test_a_key_that_comes_with_the_token_is_not_believed(jwks: Path):
    stranger = Issuer().add("es")
    key = json.loads(stranger.jwks())["keys"][0]
    headers = {"kid": "es", "jwk": key, "jku": "https://evil.example/jwks"}
    token = jwt.encode(claims_with(), stranger.keys["es"][1], "ES256", headers=headers)
    await refused(authenticator(jwks), token)


@pytest.mark.parametrize("token", ["", "a.b.c", "..", "a" * 9000 + ".b.c", "é.b.c"])
async def test_what_is_no_token_is_refused(jwks: Path, token: str):
    await refused(authenticator(jwks), token)


async def test_a_token_that_was_changed_is_refused(jwks: Path, issuer: Issuer):
    head, _, signature = issuer.token("es").split(".")
    other = unsigned({}, claims_with(tenant="other")).split(".")[1]
    await refused(authenticator(jwks), f"{head}.{other}.{signature}")


async def test_without_claims_a_token_may_do_nothing_unless_the_operator_says_so(
    jwks: Path, issuer: Issuer
):
    bare = issuer.token("es", roles=None, namespaces=None)
    identity = await authenticator(jwks).authenticate(showing(bare))
    assert (identity.role, identity.namespaces) == (Role.NOTHING, frozenset())
    told = authenticator(
        jwks, tenant="given", role=Role.READ, namespaces=frozenset({ALL}), subjects={"bot"}
    )
    token = issuer.token("es", tenant=None, roles=None, namespaces=None)
    identity = await told.authenticate(showing(token))
    assert (identity.tenant, identity.role, identity.namespaces) == ("given", Role.READ, {ALL})
    await refused(told, issuer.token("es", sub="another"))
    await refused(told, issuer.token("es", sub=None))


@pytest.mark.parametrize(
    ("roles", "role"),
    [
        (["read"], Role.READ),
        (["read", "admin", "auditor"], Role.ADMIN),
        ("openid write", Role.WRITE),
        (["auditor"], Role.NOTHING),
        ([], Role.NOTHING),
        (["ADMIN"], Role.NOTHING),
        ([["admin"]], Role.NOTHING),
        ({"admin": True}, Role.NOTHING),
    ],
)
async def test_the_highest_known_role_counts(jwks: Path, issuer: Issuer, roles: Any, role: Role):
    identity = await authenticator(jwks).authenticate(showing(issuer.token("es", roles=roles)))
    assert identity.role is role


async def test_claims_may_be_elsewhere(jwks: Path, issuer: Issuer):
    known = authenticator(
        jwks, tenant_claim="https://example.com/tenant", roles_claim="realm_access.roles"
    )
    claims = {"https://example.com/tenant": "acme", "realm_access": {"roles": ["admin"]}}
    identity = await known.authenticate(showing(issuer.token("es", roles=None, **claims)))
    assert (identity.tenant, identity.role) == ("acme", Role.ADMIN)


async def test_a_new_key_is_read_from_the_file(jwks: Path, issuer: Issuer):
    known = authenticator(jwks)
    newer = Issuer(dict(issuer.keys)).add("next")
    await refused(known, newer.token("next"))
    jwks.write_bytes(newer.jwks())

    async def taken() -> bool:
        try:
            return bool(await known.authenticate(showing(newer.token("next"))))
        except ServiceError:
            return False

    await wait_until(taken, "the new key is taken")


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [{"kty": "oct", "k": "c2VjcmV0", "kid": "s"}],
        [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "short"}],
        [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}],
        ["nonsense", None, 1],
    ],
)
def test_a_jwks_without_a_good_public_key_is_refused(tmp_path: Path, keys: list[Any]):
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": keys}))
    with pytest.raises(FileError, match="has no RSA, P-256 or Ed25519 key"):
        JwksFile(path)


def test_a_key_for_encryption_is_not_for_signatures(issuer: Issuer):
    document = json.loads(issuer.jwks())
    for key in document["keys"][1:]:
        key["use"] = "enc"
    assert {kty for kty, _ in parse_jwks(json.dumps(document).encode())} == {"EC"}


class Web:
    """What is at a URL, how often it was asked for, and the time."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.asked = 0
        self.down = False
        self.now = 1000.0
        self.keys = JwksUrl("https://issuer.example/jwks", self.fetch, clock=lambda: self.now)

    def fetch(self, url: str) -> bytes:
        self.asked += 1
        if self.down:
            raise OSError(url)
        return self.issuer.jwks()

    async def has(self, key_id: str) -> bool:
        return await self.keys.find("ES256", key_id) is not None


@pytest.fixture
def web() -> Web:
    return Web(Issuer().add("one"))


async def test_keys_are_fetched_once_and_again_when_they_are_old(web: Web):
    assert web.asked == 0
    for _ in range(3):
        assert await web.has("one")
    assert web.asked == 1
    web.now += FRESH_SECONDS + 1
    assert await web.has("one")
    assert web.asked == 2


async def test_an_unknown_key_has_the_keys_fetched_but_not_by_everybody(web: Web):
    assert await web.has("one")
    for number in range(20):
        assert not await web.has(f"made up {number}")
    assert web.asked == 1
    web.issuer.add("two")
    web.now += RETRY_SECONDS
    assert await web.has("two")
    assert web.asked == 2


async def test_a_key_that_was_taken_back_is_refused(web: Web):
    assert await web.has("one")
    del web.issuer.keys["one"]
    web.issuer.add("two")
    web.now += FRESH_SECONDS + 1
    assert not await web.has("one")


async def test_an_issuer_that_is_down_is_done_without_for_a_day(
    web: Web, caplog: pytest.LogCaptureFixture
):
    assert await web.has("one")
    web.down = True
    web.now += STALE_SECONDS - 10
    assert await web.has("one")
    assert "issuer.example" not in caplog.text
    web.now += 20
    with pytest.raises(ServiceError) as raised:
        await web.has("one")
    assert (raised.value.code, raised.value.reason) == (
        grpc.StatusCode.UNAVAILABLE,
        "IDENTITY_UNAVAILABLE",
    )


async def test_without_ever_having_had_keys_nobody_is_let_in(web: Web):
    web.down = True
    with pytest.raises(ServiceError) as raised:
        await web.has("one")
    assert raised.value.code is grpc.StatusCode.UNAVAILABLE
    web.down = False
    web.now += RETRY_SECONDS
    assert await web.has("one")


@pytest.mark.parametrize("url", ["http://issuer.example/jwks", "file:///etc/passwd"])
def test_keys_are_fetched_by_https_only(url: str):
    with pytest.raises(ValueError, match="https://"):
        fetch_https(url)
