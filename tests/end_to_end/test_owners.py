"""Nobody sees another's memories: users, namespaces, lone sessions, and what is shared."""

from __future__ import annotations

import grpc
import pytest
from agentmemory.v1 import memory_pb2, memory_service_pb2

from tests.support.client import HYBRID, KEYWORD, SEMANTIC, Caller, Stub, refusal

SHARED = memory_pb2.VISIBILITY_SHARED
BOTH = memory_pb2.VISIBILITY_OWN_AND_SHARED
SECRET = "Alice hides the spare key under the mat."
QUESTION = "Where is the spare key under the mat?"


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> str:
    return str(request.node.name).partition("[")[0]


@pytest.fixture
def alice(stub: Stub, namespace: str) -> Caller:
    return Caller(stub, user="alice", namespace=namespace)


@pytest.fixture
def bob(stub: Stub, namespace: str) -> Caller:
    return Caller(stub, user="bob", namespace=namespace)


@pytest.fixture
def everyone(stub: Stub, namespace: str) -> Caller:
    """Names neither user nor session."""
    return Caller(stub, namespace=namespace)


@pytest.mark.parametrize("mode", [HYBRID, SEMANTIC, KEYWORD])
@pytest.mark.parametrize("visibility", [memory_pb2.VISIBILITY_OWN, SHARED, BOTH])
async def test_another_user_finds_nothing(
    alice: Caller,
    bob: Caller,
    mode: memory_pb2.SearchMode.ValueType,
    visibility: memory_pb2.Visibility.ValueType,
) -> None:
    await alice.create(SECRET)
    assert await bob.found(QUESTION, mode=mode, visibility=visibility) == []
    assert await bob.memories(visibility=visibility) == []
    assert SECRET in await alice.found(QUESTION, mode=mode)


async def test_another_user_cannot_read_or_delete_by_id(alice: Caller, bob: Caller) -> None:
    (result,) = (await alice.create(SECRET)).results
    get = memory_service_pb2.GetMemoryRequest(scope=bob.scope(), id=result.memory.id)
    refused = await refusal(bob.stub.GetMemory(get, timeout=10))
    assert refused == (grpc.StatusCode.NOT_FOUND, "MEMORY_NOT_FOUND")
    delete = memory_service_pb2.DeleteMemoriesRequest(scope=bob.scope(), ids=[result.memory.id])
    deleted = await bob.stub.DeleteMemories(delete, timeout=10)
    assert (deleted.deleted_count, list(deleted.missing_ids)) == (0, [result.memory.id])
    assert await alice.texts() == {SECRET}


async def test_the_same_session_id_of_two_users_is_two_sessions(alice: Caller, bob: Caller) -> None:
    await alice.say("chat", "I live in Oslo.")
    await bob.say("chat", "I live in Rome.", name="Bob")
    for caller in (alice, bob):
        await caller.flush("chat")
        assert len((await caller.working_memory("chat")).messages) == 1
    assert await alice.texts() == {"Alice lives in Oslo."}
    assert await bob.texts() == {"Bob lives in Rome."}


async def test_the_same_user_of_another_namespace_is_another(
    alice: Caller, stub: Stub, namespace: str
) -> None:
    namesake = Caller(stub, user="alice", namespace=f"{namespace} 2")
    await alice.create(SECRET)
    await alice.say("chat", "I live in Oslo.")
    assert await namesake.memories() == []
    assert await namesake.found(QUESTION, visibility=BOTH) == []
    assert await namesake.sessions() == []


async def test_names_that_look_alike_in_a_key_are_different_owners(
    stub: Stub, namespace: str
) -> None:
    scopes = [("a", "b:c"), ("a:b", "c"), ("a", "B:C"), ("a", "b%3Ac"), ("a*", "b"), ("a", "{b}:c")]
    callers = [Caller(stub, user=user, namespace=f"{namespace} {n}") for n, user in scopes]
    for number, caller in enumerate(callers):
        await caller.create(f"Fact number {number}.")
    for number, caller in enumerate(callers):
        assert await caller.texts() == {f"Fact number {number}."}
        assert await caller.found("fact number") == [f"Fact number {number}."]


async def test_a_lone_sessions_memories_are_its_own(everyone: Caller, alice: Caller) -> None:
    await everyone.say("lone", "I live in Oslo.")
    await everyone.flush("lone")
    assert await everyone.texts("lone") == {"Alice lives in Oslo."}
    assert await everyone.found("Oslo", session="lone") == ["Alice lives in Oslo."]
    assert await everyone.memories("another") == []
    assert await everyone.memories() == []
    assert await alice.memories(visibility=BOTH) == []
    assert await alice.found("Oslo", visibility=BOTH) == []


async def test_shared_memories_are_seen_by_all_who_ask_for_them(
    everyone: Caller, alice: Caller, bob: Caller
) -> None:
    await everyone.create("The office opens at nine.", shared=True)
    await alice.create("Alice comes to the office at ten.")
    for caller in (alice, bob, everyone):
        assert await caller.found("office", visibility=SHARED) == ["The office opens at nine."]
    assert await bob.found("office") == []


async def test_own_and_shared_sees_both_and_no_third(
    everyone: Caller, alice: Caller, bob: Caller
) -> None:
    await everyone.create("The office opens at nine.", shared=True)
    await alice.create("Alice comes to the office at ten.")
    await bob.create("Bob comes to the office at eleven.")
    both = {"The office opens at nine.", "Alice comes to the office at ten."}
    assert set(await alice.found("office", visibility=BOTH)) == both
    assert {memory.text for memory in await alice.memories(visibility=BOTH)} == both


async def test_a_memory_is_not_shared_by_leaving_the_user_out(everyone: Caller) -> None:
    refused = await refusal(everyone.create(SECRET))
    assert refused == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert await everyone.memories(visibility=SHARED) == []
