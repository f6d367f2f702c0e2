"""A day of a service: every RPC is called, in the way that callers do."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.struct_pb2 import Struct

from tests.contract.transfers import import_all, records_of
from tests.support.client import HYBRID, KEYWORD, SEMANTIC, Caller, Stub, said
from tests.support.waiting import wait_until

LEAVERS = 20
"""Watches that are given up: so many that some are in the middle of a write."""


async def spend(stub: Stub) -> None:
    """Call everything, as two users of one namespace."""
    alice = Caller(stub, user="alice", namespace="day")
    await _talk(alice)
    await _remember(alice)
    await _call_tools(alice)
    await _move(alice, Caller(stub, user="bob", namespace="day"))


async def _talk(alice: Caller) -> None:
    await alice.append("chat", [said("I work as a designer in Lisbon.")], request_id="a1")
    await alice.append("chat", [said("I work as a designer in Lisbon.")], request_id="a1")

    async def extracted() -> bool:
        return await alice.extracted("chat") == 1

    await wait_until(extracted, "the background extracts", seconds=20)
    for said_next in ("I am allergic to nuts.", "I live in Oslo.", "I live in Rome."):
        await alice.say("chat", said_next)
        await alice.flush("chat")
    await alice.sessions()
    scope = alice.scope("chat")
    await alice.stub.PatchWorkingMemoryData(
        pb.PatchWorkingMemoryDataRequest(scope=scope, data=Struct(), request_id="p1")
    )
    await alice.stub.RetryExtraction(pb.RetryExtractionRequest(scope=scope))
    session = memory_pb2.Session(scope=alice.scope("put"))
    given = memory_pb2.Memory(text="Alice keeps bees.")
    await alice.stub.PutWorkingMemory(
        pb.PutWorkingMemoryRequest(session=session, messages=[said("Hello.")], memories=[given])
    )
    await alice.working_memory("chat")
    brief = memory_pb2.Session(
        scope=alice.scope("brief"), options=memory_pb2.SessionOptions(ttl=Duration(seconds=1))
    )
    await alice.stub.PutWorkingMemory(
        pb.PutWorkingMemoryRequest(session=brief, messages=[said("I have a dog.")])
    )

    async def expired() -> bool:
        return "brief" not in await alice.sessions()

    await wait_until(expired, "a session expires", seconds=20)
    await alice.delete_session("put")


async def _remember(alice: Caller) -> None:
    stub, scope = alice.stub, alice.scope()
    created = await alice.create("Alice plays the cello.", "Alice sails.", request_id="c1")
    await Caller(stub, namespace="day").create("The office is closed.", shared=True)
    cello, sails = (result.memory for result in created.results)
    await stub.GetMemory(pb.GetMemoryRequest(scope=scope, id=cello.id))
    await stub.BatchGetMemories(pb.BatchGetMemoriesRequest(scope=scope, ids=[cello.id, sails.id]))
    changed = memory_pb2.Memory(id=cello.id, text="Alice plays the viola.", etag=cello.etag)
    mask = FieldMask(paths=["text"])
    await stub.UpdateMemory(
        pb.UpdateMemoryRequest(scope=scope, memory=changed, update_mask=mask, request_id="u1")
    )
    await stub.ListMemoryRevisions(pb.ListMemoryRevisionsRequest(scope=scope, id=cello.id))
    await stub.DeleteMemories(pb.DeleteMemoriesRequest(scope=scope, ids=[sails.id]))
    await stub.RestoreMemory(
        pb.RestoreMemoryRequest(scope=scope, id=sails.id, revision=sails.revision)
    )
    everywhere = memory_pb2.VISIBILITY_OWN_AND_SHARED
    for mode in (HYBRID, KEYWORD, SEMANTIC):
        await alice.search("What does Alice play?", mode=mode, visibility=everywhere)
    await alice.memories()
    await stub.BuildPrompt(pb.BuildPromptRequest(scope=alice.scope("chat"), query="allergies"))
    for _ in range(LEAVERS):
        watch: Any = stub.WatchMemories(pb.WatchMemoriesRequest(scope=scope, after_revision=1))
        await asyncio.wait_for(watch.read(), 20)
        watch.cancel()
    await stub.ForgetMemories(pb.ForgetMemoriesRequest(scope=scope, max_memories=3, confirm=True))


async def _call_tools(alice: Caller) -> None:
    await alice.stub.ListTools(pb.ListToolsRequest())
    for tool, arguments in (
        ("create_memories", {"memories": [{"text": "Alice keeps a parrot."}]}),
        ("search_memories", {"query": "parrot"}),
        ("read_session", {}),
        ("update_session_data", {"data": {"step": 2}}),
        ("add_to_working_memory", {"memories": [{"text": "Alice wants a cage."}]}),
    ):
        call = memory_pb2.ToolCall(name=tool, arguments=json.dumps(arguments))
        request = pb.CallToolRequest(scope=alice.scope("chat"), call=call, request_id=tool)
        answered = await alice.stub.CallTool(request)
        assert not answered.is_error, answered.content_json


async def _move(alice: Caller, bob: Caller) -> None:
    records = await records_of(alice.stub, alice.scope())
    await import_all(bob.stub, bob.scope(), records)
    await bob.stub.EraseUser(pb.EraseUserRequest(scope=bob.scope(), request_id="e1"))
