from __future__ import annotations

from dataclasses import dataclass

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from grpc_health.v1 import health_pb2, health_pb2_grpc

from service_kit.auth import AnonymousAuthenticator, Credentials, Identity, current_identity
from service_kit.errors import ServiceError, read_error
from service_kit.interceptors import ErrorsInterceptor, IdentityInterceptor
from tests.service_kit.echo_service import KINDS, SERVICE, serving


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
    assert answers[-1] == repr(Identity(tenant="acme", subject="anonymous"))


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
