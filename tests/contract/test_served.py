"""Every method of the contract is served."""

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

MEMORY: ServiceDescriptor = memory_service_pb2.DESCRIPTOR.services_by_name["MemoryService"]
EXTRACTOR: ServiceDescriptor = extractor_service_pb2.DESCRIPTOR.services_by_name["ExtractorService"]
METHODS: list[MethodDescriptor] = [*MEMORY.methods, *EXTRACTOR.methods]


def name_of(method: MethodDescriptor) -> str:
    return method.name


@pytest.fixture
async def channels(stack: Stack) -> AsyncIterator[dict[str, grpc.aio.Channel]]:
    async with (
        grpc.aio.insecure_channel(stack.addresses.memory) as memory,
        grpc.aio.insecure_channel(stack.addresses.extractor) as extractor,
    ):
        yield {"MemoryService": memory, "ExtractorService": extractor}


async def call(channel: grpc.aio.Channel, method: MethodDescriptor) -> None:
    """Call the method with an empty request, and read all that is answered."""
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
    if method.client_streaming:
        await answering.write(request)
    if not method.server_streaming:
        await answering
    elif method.client_streaming:
        while await answering.read() is not grpc.aio.EOF:
            pass
    else:
        await answering.read()  # The first answer will do: a watch never ends by itself.
        answering.cancel()


@pytest.mark.parametrize("method", METHODS, ids=name_of)
async def test_a_method_of_the_contract_does_not_answer_unimplemented(
    method: MethodDescriptor, channels: dict[str, grpc.aio.Channel]
) -> None:
    answered = await asyncio.gather(
        call(channels[method.containing_service.name], method), return_exceptions=True
    )
    # An empty request is a good one for GetInfo and a few others only.
    codes = [error.code() for error in answered if isinstance(error, grpc.aio.AioRpcError)]
    assert set(codes) <= {StatusCode.INVALID_ARGUMENT}
