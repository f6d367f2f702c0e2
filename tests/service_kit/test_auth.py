from __future__ import annotations

import pytest

from service_kit.auth import (
    ALL,
    AnonymousAuthenticator,
    Credentials,
    Identity,
    Role,
    acting_as,
    binding_refusal,
    current_identity,
    plaintext_refusal,
)


@pytest.mark.parametrize("mode_given", [True, False])
@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize("address", ["127.0.0.1:1", "[::1]:1", "localhost:1", "unix:/tmp/s"])
def test_without_authentication_loopback_may_be_bound(
    address: str, allowed: bool, mode_given: bool
):
    refusal = binding_refusal(
        address, mode="none", mode_given=mode_given, allow_unauthenticated=allowed
    )
    assert refusal is None


@pytest.mark.parametrize(
    ("mode_given", "allowed", "refused"),
    [(False, False, True), (True, False, True), (False, True, True), (True, True, False)],
)
@pytest.mark.parametrize("address", ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "memory.example:1"])
def test_without_authentication_others_are_served_only_if_told_twice(
    address: str, mode_given: bool, allowed: bool, refused: bool
):
    refusal = binding_refusal(
        address, mode="none", mode_given=mode_given, allow_unauthenticated=allowed
    )
    assert (refusal is not None) is refused


def test_with_authentication_any_address_may_be_bound():
    refusal = binding_refusal(
        "0.0.0.0:1", mode="api_key", mode_given=True, allow_unauthenticated=False
    )
    assert refusal is None


def test_the_identity_holds_within_its_block_only():
    outer, inner = Identity("a", "x"), Identity("b", "y")
    with acting_as(outer):
        with acting_as(inner):
            assert current_identity() == inner
        assert current_identity() == outer
    with pytest.raises(LookupError):
        current_identity()


async def test_in_mode_none_everybody_is_anonymous():
    credentials = Credentials({"authorization": "Bearer s3cret"}, "ipv4:10.0.0.1:1", {})
    identity = await AnonymousAuthenticator("acme").authenticate(credentials)
    assert identity == Identity("acme", "anonymous", Role.ADMIN, frozenset({ALL}))


def test_credentials_do_not_print_their_secrets():
    assert "s3cret" not in repr(Credentials({"authorization": "s3cret"}, "peer", {}))


@pytest.mark.parametrize(
    ("address", "given", "refused"),
    [
        ("0.0.0.0:1", {}, True),
        ("0.0.0.0:1", {"secrets": False}, False),
        ("0.0.0.0:1", {"tls": True}, False),
        ("0.0.0.0:1", {"allow_plaintext": True}, False),
        ("127.0.0.1:1", {}, False),
    ],
)
def test_keys_and_tokens_travel_openly_only_if_told(
    address: str, given: dict[str, bool], refused: bool
):
    asked = {"secrets": True, "tls": False, "allow_plaintext": False} | given
    assert (plaintext_refusal(address, **asked) is not None) is refused


def test_an_identity_without_role_and_namespaces_may_do_nothing():
    nobody = Identity("acme", "somebody")
    assert nobody.role < Role.READ
    assert not nobody.may_touch("")
    assert not Identity("acme", "x", Role.READ, frozenset({"a"})).may_touch("b")
    assert Identity("acme", "x", Role.READ, frozenset({ALL})).may_touch("b")
