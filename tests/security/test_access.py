"""On the running services: nobody without credentials, nobody beyond what they may."""

from __future__ import annotations

import time
from typing import Any

import grpc.aio
import pytest
from agentmemory.v1 import extractor_service_pb2, memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from grpc import StatusCode

from examples.stack import Stack
from memory_service.access import RULES
from service_kit.auth import Role
from tests.security.callers import SERVICE, Callers, Outcome
from tests.security.matrix import WAYS, Asked
from tests.security.victim import NAMESPACE, TENANT, made_up
from tests.support.certificates import Issuer
from tests.support.waiting import wait_until

METHODS = sorted(SERVICE.methods_by_name)
EXTRACTOR = extractor_service_pb2.DESCRIPTOR.services_by_name["ExtractorService"]
NAMES = made_up()


def request_of(method: str, namespace: str = NAMESPACE) -> Any:
    """Return a request of this namespace."""
    if method not in WAYS:
        empty = GetMessageClass(SERVICE.methods_by_name[method].input_type)()
        if "scope" in empty.DESCRIPTOR.fields_by_name:
            empty.scope.namespace = namespace
        return empty

    def scope(session: str) -> memory_pb2.Scope:
        return memory_pb2.Scope(namespace=namespace, user_id="bob", session_id=session)

    known = memory_pb2.Memory(create_time={"seconds": 1}).create_time
    return WAYS[method][0].request(Asked(scope, NAMES, 1, known))


def token(issuer: Issuer, role: str, *namespaces: str) -> str:
    return issuer.token("one", tenant=TENANT, roles=[role], namespaces=list(namespaces))


@pytest.mark.parametrize("method", METHODS)
async def test_nobody_calls_an_rpc_without_credentials(
    callers: Callers, issuer: Issuer, method: str
) -> None:
    stranger = Issuer().add("one")
    for shown in ("x", "a.b.c", stranger.token("one"), issuer.token("one", exp=1), "am_0_0"):
        told = await callers.outcome(TENANT, request_of(method), shown)
        assert (told.code, told.reason) == ("UNAUTHENTICATED", "UNAUTHENTICATED")


@pytest.mark.parametrize("method", METHODS)
async def test_an_rpc_needs_its_role(callers: Callers, issuer: Issuer, method: str) -> None:
    needed = RULES[f"{SERVICE.full_name}/{method}"].role
    for role in ("", "read", "write"):
        told = await callers.outcome(TENANT, request_of(method), token(issuer, role, "*"))
        has = Role[role.upper()] if role else Role.NOTHING
        assert (told.code == "PERMISSION_DENIED") == (has < needed), told


@pytest.mark.parametrize("method", [m for m in METHODS if m != "ListTools"])
async def test_an_rpc_is_denied_in_another_namespace_whether_that_is_there_or_not(
    callers: Callers, issuer: Issuer, method: str
) -> None:
    shown = token(issuer, "admin", "sales", "")
    denied = {
        await callers.outcome(TENANT, request_of(method, namespace), shown)
        for namespace in (NAMESPACE, "never heard of", "sales ", "SALES", "*")
    }
    assert denied == {
        Outcome(
            "PERMISSION_DENIED",
            "PERMISSION_DENIED",
            "the namespace is not one of those that the caller may touch",
        )
    }
    allowed = await callers.outcome(TENANT, request_of(method, "sales"), shown)
    assert allowed.code != "PERMISSION_DENIED"


async def test_a_reader_cannot_make_a_session_by_reading_it(
    callers: Callers, issuer: Issuer
) -> None:
    scope = memory_pb2.Scope(namespace=NAMESPACE, user_id="bob", session_id="made by reading")
    request = pb.GetWorkingMemoryRequest(scope=scope, create_if_missing=True)
    told = await callers.outcome(TENANT, request, token(issuer, "read", "*"))
    assert told.code == "PERMISSION_DENIED"
    told = await callers.outcome(TENANT, request, token(issuer, "write", "*"))
    assert told.code == "OK"


async def test_later_messages_of_an_import_stay_in_the_callers_namespaces(
    stack: Stack, issuer: Issuer
) -> None:
    metadata = [("authorization", f"Bearer {token(issuer, 'admin', 'sales')}")]
    async with grpc.aio.insecure_channel(stack.addresses.memory) as channel:
        method = channel.stream_stream(
            f"/{SERVICE.full_name}/ImportMemories",
            pb.ImportMemoriesRequest.SerializeToString,
            pb.ImportMemoriesResponse.FromString,
        )
        call: Any = method(metadata=metadata, timeout=20)
        fact = pb.ExportRecord(deleted_fact="0" * 26)
        scope = memory_pb2.Scope(namespace="sales", user_id="bob")
        await call.write(pb.ImportMemoriesRequest(scope=scope, records=[fact]))
        assert (await call.read()).imported_count == 1
        await call.write(pb.ImportMemoriesRequest(records=[fact]))
        assert (await call.read()).duplicate_count == 1
        scope.namespace = NAMESPACE
        await call.write(pb.ImportMemoriesRequest(scope=scope, records=[fact]))
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call.read()
        assert raised.value.code() is StatusCode.PERMISSION_DENIED


async def test_a_watch_ends_when_its_token_expires(stack: Stack, issuer: Issuer) -> None:
    # Within the leeway, which is 30 seconds, a token is good.
    shown = issuer.token("one", tenant=TENANT, namespaces=["*"], exp=int(time.time()) - 27)
    scope = memory_pb2.Scope(namespace=NAMESPACE, user_id="bob")
    async with grpc.aio.insecure_channel(stack.addresses.memory) as channel:
        method = channel.unary_stream(
            f"/{SERVICE.full_name}/WatchMemories",
            pb.WatchMemoriesRequest.SerializeToString,
            pb.WatchMemoriesResponse.FromString,
        )
        request = pb.WatchMemoriesRequest(scope=scope)
        call: Any = method(request, metadata=[("authorization", f"Bearer {shown}")], timeout=20)
        assert await call.read() is not grpc.aio.EOF
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await to_the_end(call)
        assert raised.value.code() is StatusCode.UNAUTHENTICATED


async def to_the_end(call: Any) -> None:
    while await call.read() is not grpc.aio.EOF:
        pass


@pytest.mark.parametrize("method", list(EXTRACTOR.methods), ids=lambda method: method.name)
async def test_the_extractor_knows_its_callers_too(
    stack: Stack, issuer: Issuer, method: MethodDescriptor
) -> None:
    kind = "stream_stream" if method.client_streaming else "unary_unary"
    request = GetMessageClass(method.input_type)
    async with grpc.aio.insecure_channel(stack.addresses.extractor) as channel:
        of_path = getattr(channel, kind)(
            f"/{EXTRACTOR.full_name}/{method.name}",
            request.SerializeToString,
            GetMessageClass(method.output_type).FromString,
        )
        for shown in ([], [("authorization", f"Bearer {issuer.token('one')}")]):
            # Nothing is written to the stream: grpc's client makes INTERNAL of a write to an end.
            given = [] if method.client_streaming else [request()]
            call = of_path(*given, metadata=shown)
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await (call.read() if method.client_streaming else call)
            assert raised.value.code() is StatusCode.UNAUTHENTICATED


async def test_memory_service_is_known_to_the_extractor(callers: Callers) -> None:
    scope = memory_pb2.Scope(namespace=NAMESPACE, user_id="carol", session_id="s")
    said = memory_pb2.Message(role=memory_pb2.ROLE_USER, name="Carol", content="I live in Oslo.")
    await callers.call(TENANT, pb.AppendMessagesRequest(scope=scope, messages=[said]))
    await callers.call(TENANT, pb.FlushSessionRequest(scope=scope))
    query = pb.SearchMemoriesRequest(scope=scope, query="Where does Carol live?")
    (found,) = await callers.call(TENANT, query)
    assert not found.degraded
    assert [hit.memory.text for hit in found.hits] == ["Carol lives in Oslo."]


async def test_no_credential_is_in_the_logs(stack: Stack, callers: Callers, issuer: Issuer) -> None:
    shown = [issuer.token("one"), issuer.token("one", exp=1), "am_000000000000_" + "s" * 43]
    for each in shown:
        await callers.outcome(TENANT, request_of("GetMemory"), each)
    await wait_until(lambda: "GetMemory" in stack.memory.log_tail(), "the calls are logged")
    logged = stack.memory.log.read_text() + stack.extractor.log.read_text()
    token_file = (stack.memory.log.parent / "token").read_text()
    for secret in (*shown, callers.token(TENANT), token_file):
        assert secret not in logged
        # A key's secret part, a token's signature: either may have what parts the other.
        part = secret.split("_", 2)[-1] if secret.startswith("am_") else secret.split(".")[-1]
        assert len(part) > 40
        assert part not in logged
