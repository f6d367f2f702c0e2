"""What is declared and not served says so. The lists here are the specification."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
import pytest
from agentmemory.v1 import extractor_service_pb2, memory_service_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass
from grpc import StatusCode

from examples.stack import Stack
from tests.contract.refusals import Refusal, refusal_of

MEMORY: ServiceDescriptor = memory_service_pb2.DESCRIPTOR.services_by_name["MemoryService"]
EXTRACTOR: ServiceDescriptor = extractor_service_pb2.DESCRIPTOR.services_by_name["ExtractorService"]
SERVED = {
    "MemoryService": {
        "AppendMessages",
        "GetWorkingMemory",
        "PutWorkingMemory",
        "PatchWorkingMemoryData",
        "DeleteWorkingMemory",
        "ListSessions",
        "FlushSession",
        "GetExtractionStatus",
        "RetryExtraction",
        "CreateMemories",
        "GetMemory",
        "BatchGetMemories",
        "UpdateMemory",
        "DeleteMemories",
        "RestoreMemory",
        "ListMemoryRevisions",
        "ListMemories",
        "SearchMemories",
        "BuildPrompt",
        "WatchMemories",
        "ForgetMemories",
        "EraseUser",
        "ExportMemories",
        "ImportMemories",
    },
    "ExtractorService": {
        "Extract",
        "ExtractMemories",
        "Embed",
        "Summarize",
        "Reconcile",
        "Rerank",
        "GetInfo",
    },
}
NOT_IMPLEMENTED = Refusal(StatusCode.UNIMPLEMENTED, "NOT_IMPLEMENTED")


def methods(*, served: bool) -> list[MethodDescriptor]:
    return [
        method
        for service in (MEMORY, EXTRACTOR)
        for method in service.methods
        if (method.name in SERVED[service.name]) == served
    ]


def name_of(method: MethodDescriptor) -> str:
    return method.name


@pytest.fixture
async def channels(stack: Stack) -> AsyncIterator[dict[str, grpc.aio.Channel]]:
    async with (
        grpc.aio.insecure_channel(stack.addresses.memory) as memory,
        grpc.aio.insecure_channel(stack.addresses.extractor) as extractor,
    ):
        yield {"MemoryService": memory, "ExtractorService": extractor}


async def call(channel: grpc.aio.Channel, method: MethodDescriptor, *, say: bool) -> None:
    """Call the method with an empty request, and read all that is answered.

    Without `say` a stream is opened and nothing is written to it: to one that has ended already,
    grpc's client would turn a write into INTERNAL.
    """
    kind = (
        f"{'stream' if method.client_streaming else 'unary'}_"
        f"{'stream' if method.server_streaming else 'unary'}"
    )
    request = GetMessageClass(method.input_type)()
    of_path: Any = getattr(channel, kind)(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=GetMessageClass(method.input_type).SerializeToString,
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    answering = of_path() if method.client_streaming else of_path(request)
    if method.client_streaming and say:
        await answering.write(request)
    if not method.server_streaming:
        await answering
    elif method.client_streaming:
        while await answering.read() is not grpc.aio.EOF:
            pass
    else:
        await answering.read()  # The first answer will do: a watch never ends by itself.
        answering.cancel()


@pytest.mark.parametrize("method", methods(served=False), ids=name_of)
async def test_a_method_that_is_not_served_answers_unimplemented(
    method: MethodDescriptor, channels: dict[str, grpc.aio.Channel]
) -> None:
    channel = channels[method.containing_service.name]
    assert await refusal_of(call(channel, method, say=False)) == NOT_IMPLEMENTED


@pytest.mark.parametrize("method", methods(served=True), ids=name_of)
async def test_a_method_that_is_served_does_not_answer_unimplemented(
    method: MethodDescriptor, channels: dict[str, grpc.aio.Channel]
) -> None:
    answered = await asyncio.gather(
        call(channels[method.containing_service.name], method, say=True), return_exceptions=True
    )
    # An empty request is a good one for GetInfo and a few others only.
    codes = [error.code() for error in answered if isinstance(error, grpc.aio.AioRpcError)]
    assert set(codes) <= {StatusCode.INVALID_ARGUMENT}


def test_the_list_names_methods_of_the_contract_only() -> None:
    for service in (MEMORY, EXTRACTOR):
        assert SERVED[service.name] <= set(service.methods_by_name)
