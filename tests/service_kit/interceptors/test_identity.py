from __future__ import annotations

import time
from dataclasses import dataclass, field

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from grpc_health.v1 import health_pb2, health_pb2_grpc

from service_kit.auth import (
    ALL,
    AnonymousAuthenticator,
    Credentials,
    Identity,
    Role,
    current_identity,
    unauthenticated,
)
from service_kit.errors import ServiceError, read_error
from service_kit.interceptors import ErrorsInterceptor, IdentityInterceptor
from tests.service_kit.echo_service import KINDS, SERVICE, code_at_end, serving
from tests.support.waiting import wait_until


@dataclass(frozen=True)
class ByHeader:
    """An authenticator that believes a header, to see what authenticators are given."""

    async def authenticate(self, credentials: Credentials) -> Identity:
        if "x-tenant" not in credentials.metadata:
            raise ServiceError(grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED", "no x-tenant")
        assert credentials.peer.startswith("ipv4:127.0.0.1:")
        return Identity(str(credentials.metadata["x-tenant"]), "somebody")


@pytest.mark.parametrize("method", KINDS)
async def test_a_handler_knows_its_caller(method: str):
    async with serving([IdentityInterceptor(AnonymousAuthenticator("acme"))]) as running:
        answers = await running.call(method, "whoami")
    assert answers[-1] == repr(Identity("acme", "anonymous", Role.ADMIN, frozenset({ALL})))


async def test_callers_do_not_see_each_others_identity():
    async with serving([IdentityInterceptor(ByHeader())]) as running:
        whoami = running.channel.unary_unary(
            f"/{SERVICE}/Unary", StringValue.SerializeToString, StringValue.FromString
        )
        for tenant in ("one", "two"):
            answer = await whoami(StringValue(value="whoami"), metadata=[("x-tenant", tenant)])
            assert f"tenant='{tenant}'" in answer.value
    with pytest.raises(LookupError):
        current_identity()


@pytest.mark.parametrize("method", KINDS)
async def test_who_is_nobody_is_refused_before_the_handler_runs(method: str):
    async with serving([ErrorsInterceptor(), IdentityInterceptor(ByHeader())]) as running:
        error = await running.error(method, "wait")
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        assert read_error(error).reason == "UNAUTHENTICATED"
        assert not running.echo.waiting.is_set()


async def test_health_needs_no_identity():
    async with serving([ErrorsInterceptor(), IdentityInterceptor(ByHeader())]) as running:
        await running.bound.health.refresh()
        stub = health_pb2_grpc.HealthStub(running.channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=SERVICE))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


@dataclass
class UntilTold:
    """An authenticator whose only key is good until `revoked`, or the time `expires`."""

    expires: float | None = None
    revoked: bool = False
    role: Role = Role.READ
    asked: int = field(default=0)

    async def authenticate(self, credentials: Credentials) -> Identity:
        self.asked += 1
        if self.revoked or (self.expires is not None and self.expires <= time.time()):
            raise unauthenticated("not any more")
        return Identity("acme", "somebody", self.role, frozenset({ALL}), self.expires)


STREAMS = [method for method, kind in KINDS.items() if kind != "unary"]
"""Of both styles of handlers."""


@pytest.mark.parametrize("method", STREAMS)
async def test_a_stream_ends_when_the_credential_expires(method: str):
    known = UntilTold(expires=time.time() + 0.3)
    async with serving([ErrorsInterceptor(), IdentityInterceptor(known)]) as running:
        error = await running.error(method, "wait")
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        assert read_error(error).reason == "UNAUTHENTICATED"
        assert running.echo.cleaned_up.is_set()


@pytest.mark.parametrize("method", STREAMS)
async def test_a_stream_ends_when_the_key_is_revoked(method: str):
    known = UntilTold()
    identity = IdentityInterceptor(known, recheck_seconds=0.05)
    async with serving([ErrorsInterceptor(), identity]) as running:
        call = running.open(method, "wait")
        await running.echo.waiting.wait()
        known.revoked = True
        assert await code_at_end(call) is grpc.StatusCode.UNAUTHENTICATED


async def test_a_stream_ends_when_its_caller_may_do_less():
    known = UntilTold(role=Role.WRITE)
    identity = IdentityInterceptor(known, recheck_seconds=0.05)
    async with serving([ErrorsInterceptor(), identity]) as running:
        call = running.open("Bidi", "wait")
        await running.echo.waiting.wait()
        known.role = Role.READ
        assert await code_at_end(call) is grpc.StatusCode.UNAUTHENTICATED


async def test_a_stream_goes_on_while_the_credential_is_good():
    known = UntilTold(expires=time.time() + 600)
    identity = IdentityInterceptor(known, recheck_seconds=0.02)
    async with serving([ErrorsInterceptor(), identity]) as running:
        call = running.open("Bidi", "wait")
        await running.echo.waiting.wait()
        await wait_until(lambda: known.asked > 3, "the caller is identified again")
        running.echo.gate.set()
        assert await code_at_end(call) is grpc.StatusCode.OK


async def test_credentials_given_twice_are_known_to_be():
    seen: list[Credentials] = []

    class Looking:
        async def authenticate(self, credentials: Credentials) -> Identity:
            seen.append(credentials)
            return Identity("acme", "somebody")

    async with serving([IdentityInterceptor(Looking())]) as running:
        whole = running.channel.unary_unary(
            f"/{SERVICE}/Unary", StringValue.SerializeToString, StringValue.FromString
        )
        await whole(StringValue(value="echo"), metadata=[("x-api-key", "a"), ("x-api-key", "b")])
    assert seen[0].repeated == {"x-api-key"}
