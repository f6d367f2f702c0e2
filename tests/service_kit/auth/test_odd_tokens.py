"""Whatever stands in a token, its bearer is let in or is not: nothing in it is a defect."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from service_kit.auth import Credentials
from service_kit.auth.jwks import JwksFile
from service_kit.auth.tokens import TokenAuthenticator, TokenRules
from service_kit.errors import ServiceError
from tests.support.certificates import AUDIENCE, ISSUER, Issuer, claims_with

HEADER = {"alg": "ES256", "kid": "es"}
GOOD = {"alg": ["ES256"], "kid": ["es", ""]}
HUGE = [10**400, -(10**400), 2**63, float("inf"), float("nan"), "9" * 5000]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(HUGE),
    lambda below: st.lists(below, max_size=2) | st.dictionaries(st.text(), below, max_size=2),
    max_leaves=4,
)
ONE_ISSUER = settings(
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer().add("es")


@pytest.fixture
def jwks(issuer: Issuer, tmp_path: Path) -> JwksFile:
    path = tmp_path / "jwks.json"
    path.write_bytes(issuer.jwks())
    return JwksFile(path)


def signed(issuer: Issuer, *parts: Any) -> str:
    """Sign anything, in JSON or as it is: the library would take good headers and objects only."""
    given = (part if isinstance(part, bytes) else json.dumps(part).encode() for part in parts)
    body = ".".join(map(encoded, given))
    signature = jwt.get_algorithm_by_name("ES256").sign(body.encode(), issuer.keys["es"][1])
    return f"{body}.{encoded(signature)}"


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


async def let_in(jwks: JwksFile, token: str, **given: Any) -> bool:
    """Whether the bearer is let in; if not, it is told that it is the token's fault."""
    known = TokenAuthenticator(jwks, TokenRules(**{"issuer": ISSUER, "audience": AUDIENCE} | given))
    credentials = Credentials({"authorization": f"Bearer {token}"}, "ipv4:10.0.0.1:1", {})
    try:
        return bool(await known.authenticate(credentials))
    except ServiceError as error:
        assert error.code is grpc.StatusCode.UNAUTHENTICATED  # noqa: PT017 - some are let in
        return False


@ONE_ISSUER
@given(st.sampled_from(["alg", "kid"]), JSON)
@example("alg", ["ES256"])
@example("alg", {"ES256": 1})
@example("kid", ["es"])
async def test_what_names_no_key_is_refused(jwks: JwksFile, issuer: Issuer, name: str, value: Any):
    token = signed(issuer, HEADER | {name: value}, claims_with())
    assert await let_in(jwks, token) == (value in GOOD[name])


@ONE_ISSUER
@given(st.sampled_from(["typ", "crit", "b64", "jwk", "zip"]), JSON)
@example("crit", {"b64": 1})
@example("b64", False)
async def test_no_other_header_is_a_defect(jwks: JwksFile, issuer: Issuer, name: str, value: Any):
    await let_in(jwks, signed(issuer, HEADER | {name: value}, claims_with()))


@ONE_ISSUER
@given(
    st.sampled_from(
        ["iss", "aud", "exp", "nbf", "iat", "sub", "jti", "tenant", "roles", "namespaces"]
    ),
    JSON,
)
@example("exp", 10**400)
@example("sub", ["bot"])
@example("aud", {AUDIENCE: 1})
@example("roles", [["admin"], {"admin": 1}])
async def test_no_claim_is_a_defect(jwks: JwksFile, issuer: Issuer, name: str, value: Any):
    token = signed(issuer, HEADER, claims_with(**{name: value}))
    await let_in(jwks, token)
    await let_in(jwks, token, subjects=frozenset({"bot"}), roles_claim="roles.bot")


@pytest.mark.parametrize("part", [[], "text", 1, None, {}])
async def test_parts_that_are_no_objects_or_empty_are_refused(
    jwks: JwksFile, issuer: Issuer, part: Any
):
    assert not await let_in(jwks, signed(issuer, part, claims_with()))
    assert not await let_in(jwks, signed(issuer, HEADER, part))


async def test_parts_that_are_nested_too_deep_are_refused(jwks: JwksFile, issuer: Issuer):
    assert not await let_in(jwks, signed(issuer, b"[" * 5000, claims_with()))
    assert not await let_in(jwks, signed(issuer, HEADER, b"[" * 5000))
