"""Without all that a mode needs there is no service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from service_kit.auth import AnonymousAuthenticator, Role
from service_kit.auth.assembly import authenticator
from service_kit.auth.combined import CombinedAuthenticator
from service_kit.settings import ServerSettings
from service_kit.watched_file import FileError
from tests.support.certificates import Issuer

TOKENS = {"jwt_issuer": "https://i.example", "jwt_audience": "am", "jwt_jwks": "/nowhere"}


def refusal(**given: Any) -> str:
    with pytest.raises(ValidationError) as raised:
        ServerSettings(**{"bind": "127.0.0.1:0"} | given)
    return str(raised.value)


@pytest.mark.parametrize(
    "mode", ["", "None", "password", "none,api_key", "api_key,", "api_key;jwt"]
)
def test_an_unknown_mode_is_refused(mode: str):
    assert "should be none, or of api_key, jwt, mtls" in refusal(auth_mode=mode)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"auth_mode": "api_key"}, "API_KEYS_FILE"),
        ({"auth_mode": "jwt"}, "JWT_ISSUER, JWT_AUDIENCE, JWT_JWKS"),
        ({"auth_mode": "jwt"} | TOKENS | {"jwt_audience": ""}, "JWT_AUDIENCE"),
        ({"auth_mode": "mtls"}, "CERTIFICATES_FILE, TLS_CERT, TLS_KEY, TLS_CLIENT_CA"),
        ({"auth_mode": "api_key,jwt", "api_keys_file": "/x"}, "JWT_ISSUER"),
    ],
)
def test_a_mode_needs_its_settings(given: dict[str, Any], missing: str):
    assert f"needs {missing}" in refusal(**given)


def test_a_url_of_keys_is_https():
    assert "begin with https://" in refusal(
        auth_mode="jwt", **TOKENS | {"jwt_jwks": "http://i.example/jwks"}
    )


def test_half_of_tls_is_refused():
    assert "TLS_CERT and TLS_KEY go together" in refusal(tls_cert="/x")
    assert "TLS_CLIENT_CA needs TLS_CERT" in refusal(tls_client_ca="/x")


@pytest.mark.parametrize("mode", ["api_key", "jwt"])
def test_other_machines_send_keys_over_tls_unless_told_otherwise(mode: str):
    given = {"auth_mode": mode, "api_keys_file": "/x", "bind": "0.0.0.0:1"} | TOKENS
    assert "would travel unencrypted" in refusal(**given)
    assert ServerSettings(**given, allow_plaintext=True).takes_secrets
    assert ServerSettings(**given, tls_cert="/c", tls_key="/k").serves_tls


def test_mode_none_is_anonymous_and_others_are_not(tmp_path: Path):
    assert isinstance(authenticator(ServerSettings(tenant="acme")), AnonymousAuthenticator)
    keys, jwks = tmp_path / "keys.json", tmp_path / "jwks.json"
    keys.write_text(json.dumps({"keys": []}))
    jwks.write_bytes(Issuer().add("one").jwks())
    given = TOKENS | {"jwt_jwks": str(jwks), "auth_mode": "jwt, api_key", "api_keys_file": keys}
    assert isinstance(authenticator(ServerSettings(**given)), CombinedAuthenticator)


@pytest.mark.parametrize("mode", ["api_key", "jwt"])
def test_a_file_that_is_not_there_ends_the_start(mode: str):
    given = {"auth_mode": mode, "api_keys_file": "/nowhere"} | TOKENS
    with pytest.raises(FileError, match="/nowhere: no such file"):
        authenticator(ServerSettings(**given))


def test_what_tokens_may_do_without_claims_is_nothing_by_default():
    settings = ServerSettings()
    assert (settings.jwt_tenant, settings.jwt_role, settings.jwt_namespaces) == ("", "", "")
    assert Role.NOTHING < Role.READ
