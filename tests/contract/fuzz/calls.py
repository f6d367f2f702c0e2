"""Methods, a good request of each, and how an answer is judged."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import grpc
import grpc.aio
from agentmemory.v1 import extractor_service_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from service_kit.errors import read_error
from tests.contract.fuzz.messages import TEXTS, Maker

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "4"))
"""Of each method and kind."""

SEED = int(os.environ.get("FUZZ_SEED", "1"))

MEMORY = list(pb.DESCRIPTOR.services_by_name["MemoryService"].methods)
EXTRACTOR = list(extractor_service_pb2.DESCRIPTOR.services_by_name["ExtractorService"].methods)

_ANSWER_SECONDS = 30.0
_TELLS_WHY = {
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "ABORTED",
    "FAILED_PRECONDITION",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
}
"""How bad input may be refused: with a reason of ours."""

_SCOPE = {"namespace": "fuzz", "user_id": "alice"}
_CHAT = {**_SCOPE, "session_id": "s1"}
_MESSAGE = {"role": "ROLE_USER", "name": "Alice", "content": "I moved to Berlin in March."}
_MEMORY = {"text": "Alice plays the cello.", "topics": ["music"], "metadata": {"a": {"b": [1]}}}
_FILTER = {
    "must": [
        {"tag": {"field": "TAG_FIELD_TOPIC", "equals": "music"}},
        {"filter": {"should": [{"metadata": {"path": ["a", "b"], "range": {"min": 1}}}]}},
    ],
    "mustNot": [{"time": {"field": "TIME_FIELD_CREATE_TIME", "end": "2020-01-01T00:00:00Z"}}],
}
_SEARCH = {"mode": "SEARCH_MODE_HYBRID", "filter": _FILTER, "types": ["MEMORY_TYPE_SEMANTIC"]}
_DELTA_MESSAGE = {**_MESSAGE, "id": "m1", "create_time": "2025-03-03T09:30:00Z"}
_FACT = {"memory": {"id": "m1", "text": "Alice lives in Paris.", "slot": "alice|home"}}

GOOD: dict[str, dict[str, Any]] = {
    "AppendMessages": {"scope": _CHAT, "messages": [_MESSAGE], "memories": [_MEMORY]},
    "GetWorkingMemory": {"scope": _CHAT, "recent_messages": 5},
    "PutWorkingMemory": {
        "session": {"scope": _CHAT, "data": {"a": 1}, "options": {"ttl": "3600s"}},
        "messages": [_MESSAGE],
    },
    "PatchWorkingMemoryData": {"scope": _CHAT, "data": {"a": None, "b": {"c": [1, "x"]}}},
    "DeleteWorkingMemory": {"scope": {**_SCOPE, "session_id": "s2"}, "extract_first": True},
    "ListSessions": {"scope": _SCOPE, "page_size": 2},
    "FlushSession": {"scope": _CHAT},
    "GetExtractionStatus": {"scope": _CHAT},
    "RetryExtraction": {"scope": _CHAT},
    "CreateMemories": {"scope": _SCOPE, "memories": [_MEMORY, {"text": "Alice keeps bees."}]},
    "GetMemory": {"scope": _SCOPE, "id": "m1"},
    "BatchGetMemories": {"scope": _SCOPE, "ids": ["m1", "m2"]},
    "UpdateMemory": {"scope": _SCOPE, "memory": {"id": "m1", "text": "x"}, "update_mask": "text"},
    "DeleteMemories": {"scope": _SCOPE, "filter": _FILTER},
    "RestoreMemory": {"scope": _SCOPE, "id": "m1"},
    "ListMemories": {"scope": _SCOPE, "filter": _FILTER, "page_size": 2},
    "ListMemoryRevisions": {"scope": _SCOPE, "id": "m1"},
    "SearchMemories": {"scope": _SCOPE, "query": "music", "options": _SEARCH, "explain": True},
    "BuildPrompt": {"scope": _CHAT, "query": "music", "options": _SEARCH},
    "ListTools": {"names": ["search_memories"]},
    "CallTool": {"scope": _SCOPE, "call": {"id": "1", "name": "x", "arguments": "{}"}},
    "WatchMemories": {"scope": _SCOPE, "after_revision": 0},
    "ForgetMemories": {"scope": _SCOPE, "max_age": "3600s", "max_memories": 100},
    "EraseUser": {"scope": {"namespace": "fuzz", "user_id": "bob"}},
    "ExportMemories": {"scope": _SCOPE},
    "ImportMemories": {"scope": _SCOPE, "records": [{"memory": {**_MEMORY, "id": "imported"}}]},
    "Extract": {"delta": {"sequence": 1, "messages": [_DELTA_MESSAGE]}},
    "ExtractMemories": {"messages": [_DELTA_MESSAGE]},
    "Embed": {"texts": ["Alice keeps bees."]},
    "Summarize": {"summary": "Alice is here.", "messages": [_DELTA_MESSAGE]},
    "Reconcile": {"items": [{**_FACT, "neighbors": [_FACT]}]},
    "Rerank": {"query": "Where does Alice live?", "texts": ["Alice lives in Paris."]},
    "GetInfo": {},
}


def good(method: MethodDescriptor) -> Message:
    """Return a request that is in order."""
    request = GetMessageClass(method.input_type)()
    return json_format.ParseDict(GOOD[method.name], request)


def made(method: MethodDescriptor, chance: Random, known: tuple[str, ...] = ()) -> Message:
    """Return any request, or one that is nearly in order.

    `known` are strings that mean something to the server: ids, tokens, etags.
    """
    maker = Maker(chance, (*TEXTS, *known, *known))
    if chance.random() < 0.35:
        return maker.fill(GetMessageClass(method.input_type)())
    return maker.spoil(good(method))


async def send(stub: Any, method: MethodDescriptor, request: Any) -> str:
    """Send a request, a message or raw bytes; return OK or the code of an answer that is in order.

    Raises AssertionError for any other: a defect, a crash, no answer, a reason that is not told.
    """
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            await _call(stub, method, request)
    except grpc.aio.AioRpcError as error:
        return _judged(error)
    return "OK"


def _judged(error: grpc.aio.AioRpcError) -> str:
    code = error.code().name
    failure = read_error(error)
    if code == "RESOURCE_EXHAUSTED":  # Also from gRPC itself, which knows no reasons.
        return code
    assert code in _TELLS_WHY, f"{code}: {error.details()}"
    assert failure.reason, f"{code} without a reason: {error.details()}"
    if failure.reason == "INVALID_FIELD" and "cannot be parsed" not in (error.details() or ""):
        assert failure.violations, f"no field is named: {error.details()}"
    return code


async def _call(stub: Any, method: MethodDescriptor, request: Any) -> None:
    call = getattr(stub, method.name)
    if method.name == "Extract":
        opening = extractor_service_pb2.ExtractRequest(open=extractor_service_pb2.Open())
        first = [opening] if isinstance(request, Message) else []
        async for response in call(_each([*first, request])):
            error = response.result.error
            assert error.code in {0, grpc.StatusCode.INVALID_ARGUMENT.value[0]}, error.code
    elif method.client_streaming:
        async for _ in call(_each([request])):
            pass
    elif method.name == "WatchMemories":
        watch = call(request)
        await watch.read()
        watch.cancel()
    elif method.server_streaming:
        async for _ in call(request):
            pass
    else:
        await call(request)


async def _each(requests: list[Any]) -> AsyncIterator[Any]:
    for request in requests:
        yield request


def raw_stub(channel: grpc.aio.Channel, methods: list[MethodDescriptor]) -> Any:
    """Return a stub whose methods send bytes as they are."""
    shapes = {
        (False, False): channel.unary_unary,
        (False, True): channel.unary_stream,
        (True, True): channel.stream_stream,
    }
    stub = type("RawStub", (), {})()
    for method in methods:
        shape = shapes[method.client_streaming, method.server_streaming]
        path = f"/{method.containing_service.full_name}/{method.name}"
        setattr(stub, method.name, shape(path))
    return stub
