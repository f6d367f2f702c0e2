from __future__ import annotations

from dataclasses import dataclass

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FieldOptions
from google.protobuf.wrappers_pb2 import StringValue

from service_kit.access import Rule, check_request
from service_kit.auth import ALL, Credentials, Identity, Role
from service_kit.errors import ServiceError, read_error
from service_kit.interceptors import AccessInterceptor, ErrorsInterceptor, IdentityInterceptor
from tests.service_kit.echo_service import KINDS, SERVICE, serving


@dataclass(frozen=True)
class Always:
    identity: Identity

    async def authenticate(self, credentials: Credentials) -> Identity:
        return self.identity


def caller(role: Role, *namespaces: str) -> Identity:
    return Identity("acme", "bot", role, frozenset(namespaces or (ALL,)))


def checks(identity: Identity, rules: dict[str, Rule]) -> list[grpc.aio.ServerInterceptor]:
    access = AccessInterceptor({f"{SERVICE}/{method}": rule for method, rule in rules.items()})
    return [ErrorsInterceptor(), IdentityInterceptor(Always(identity)), access]


@pytest.mark.parametrize("method", KINDS)
@pytest.mark.parametrize(
    ("has", "needs", "allowed"),
    [
        (Role.NOTHING, Role.READ, False),
        (Role.READ, Role.READ, True),
        (Role.READ, Role.WRITE, False),
        (Role.WRITE, Role.READ, True),
        (Role.WRITE, Role.ADMIN, False),
        (Role.ADMIN, Role.ADMIN, True),
    ],
)
async def test_a_caller_needs_the_role(method: str, has: Role, needs: Role, allowed: bool):
    async with serving(checks(caller(has), {method: Rule(needs)})) as running:
        if allowed:
            assert (await running.call(method, "echo"))[-1] == "echo"
            return
        error = read_error(await running.error(method, "wait"))
        assert (error.code, error.reason) == (
            grpc.StatusCode.PERMISSION_DENIED,
            "PERMISSION_DENIED",
        )
        assert not running.echo.waiting.is_set()


@pytest.mark.parametrize("method", KINDS)
async def test_what_no_rule_is_about_nobody_may(method: str):
    async with serving(checks(caller(Role.ADMIN), {})) as running:
        error = await running.error(method, "wait")
        assert error.code() is grpc.StatusCode.PERMISSION_DENIED
        assert not running.echo.waiting.is_set()


ITERATING = [method for method in KINDS if method != "BidiReader"]
"""Not the style that reads past interceptors; a test of both services holds that none has it."""


@pytest.mark.parametrize("method", ITERATING)
async def test_every_message_is_checked_for_its_namespace(method: str):
    # The echo's request is one text; it is its namespace as well.
    rules = {method: Rule(Role.READ, "value")}
    async with serving(checks(caller(Role.READ, "echo"), rules)) as running:
        assert (await running.call(method, "echo"))[-1] == "echo"
        error = await running.error(method, "wait")
        assert error.code() is grpc.StatusCode.PERMISSION_DENIED
        assert not running.echo.waiting.is_set()


def test_a_flag_may_make_a_read_a_write():
    # Any message with a flag will do.
    rule = Rule(Role.READ, writes_if="deprecated")
    check_request(caller(Role.READ), rule, FieldOptions())
    check_request(caller(Role.WRITE), rule, FieldOptions(deprecated=True))
    with pytest.raises(ServiceError):
        check_request(caller(Role.READ), rule, FieldOptions(deprecated=True))


def test_who_is_denied_is_not_told_what_there_is():
    rule = Rule(Role.READ, "value")
    said = set()
    for namespace in ("one", "another", ""):
        with pytest.raises(ServiceError) as raised:
            check_request(caller(Role.READ, "allowed"), rule, StringValue(value=namespace))
        said.add((raised.value.code, raised.value.reason, raised.value.message))
    assert len(said) == 1
