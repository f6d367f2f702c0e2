"""A caller of MemoryService: one owner's view of it, through the generated stub."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from agentmemory.v1 import memory_pb2, memory_service_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from service_kit.errors import read_error

if TYPE_CHECKING:
    # The asynchronous stub is a type only; a MemoryServiceStub on an aio channel is one.
    from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceAsyncStub as _Stub
else:
    from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub as _Stub

Stub = _Stub
HYBRID = memory_pb2.SEARCH_MODE_HYBRID
KEYWORD = memory_pb2.SEARCH_MODE_KEYWORD
SEMANTIC = memory_pb2.SEARCH_MODE_SEMANTIC

_TIMEOUT = 60.0
_PAGE = 200


@dataclass(frozen=True)
class Caller:
    """Calls on behalf of one owner. Methods raise grpc.aio.AioRpcError."""

    stub: Stub
    user: str = ""
    namespace: str = "e2e"

    def scope(self, session: str = "") -> memory_pb2.Scope:
        return memory_pb2.Scope(namespace=self.namespace, user_id=self.user, session_id=session)

    async def append(
        self, session: str, messages: Sequence[memory_pb2.Message], *, request_id: str = ""
    ) -> memory_service_pb2.AppendMessagesResponse:
        request = memory_service_pb2.AppendMessagesRequest(
            scope=self.scope(session), messages=messages, request_id=request_id
        )
        return await self.stub.AppendMessages(request, timeout=_TIMEOUT)

    async def say(
        self, session: str, *texts: str, name: str = "Alice"
    ) -> memory_service_pb2.AppendMessagesResponse:
        """Append what a person says."""
        return await self.append(session, [said(text, name=name) for text in texts])

    async def flush(self, session: str) -> memory_service_pb2.FlushSessionResponse:
        request = memory_service_pb2.FlushSessionRequest(scope=self.scope(session))
        return await self.stub.FlushSession(request, timeout=_TIMEOUT)

    async def status(self, session: str) -> memory_service_pb2.GetExtractionStatusResponse:
        request = memory_service_pb2.GetExtractionStatusRequest(scope=self.scope(session))
        return await self.stub.GetExtractionStatus(request, timeout=_TIMEOUT)

    async def extracted(self, session: str) -> int:
        return (await self.status(session)).extracted_through

    async def working_memory(
        self, session: str, *, recent: int = 1000
    ) -> memory_service_pb2.GetWorkingMemoryResponse:
        request = memory_service_pb2.GetWorkingMemoryRequest(
            scope=self.scope(session), recent_messages=recent
        )
        return await self.stub.GetWorkingMemory(request, timeout=_TIMEOUT)

    async def sessions(self) -> list[str]:
        request = memory_service_pb2.ListSessionsRequest(scope=self.scope())
        found = await self.stub.ListSessions(request, timeout=_TIMEOUT)
        return [session.scope.session_id for session in found.sessions]

    async def delete_session(self, session: str) -> memory_service_pb2.DeleteWorkingMemoryResponse:
        request = memory_service_pb2.DeleteWorkingMemoryRequest(scope=self.scope(session))
        return await self.stub.DeleteWorkingMemory(request, timeout=_TIMEOUT)

    async def create(
        self, *texts: str, session: str = "", shared: bool = False, request_id: str = ""
    ) -> memory_service_pb2.CreateMemoriesResponse:
        request = memory_service_pb2.CreateMemoriesRequest(
            scope=self.scope(session),
            memories=[memory_pb2.Memory(text=text) for text in texts],
            shared=shared,
            request_id=request_id,
        )
        return await self.stub.CreateMemories(request, timeout=_TIMEOUT)

    async def memories(
        self,
        session: str = "",
        *,
        visibility: memory_pb2.Visibility.ValueType = memory_pb2.VISIBILITY_UNSPECIFIED,
    ) -> list[memory_pb2.Memory]:
        """All of the owner's memories, page by page; of a lone session if `session` is given."""
        found, total = await self._listed(session, visibility)
        assert len(found) == total
        return found

    async def texts(self, session: str = "") -> set[str]:
        """What the memories say, also while more of them come."""
        found, _ = await self._listed(session, memory_pb2.VISIBILITY_UNSPECIFIED)
        return {memory.text for memory in found}

    async def _listed(
        self, session: str, visibility: memory_pb2.Visibility.ValueType
    ) -> tuple[list[memory_pb2.Memory], int]:
        request = memory_service_pb2.ListMemoriesRequest(
            scope=self.scope(session), visibility=visibility, page_size=_PAGE
        )
        found: list[memory_pb2.Memory] = []
        while True:
            page = await self.stub.ListMemories(request, timeout=_TIMEOUT)
            found += page.memories
            if not page.next_page_token:
                return found, page.total_size
            request.page_token = page.next_page_token

    async def search(
        self,
        query: str,
        *,
        mode: memory_pb2.SearchMode.ValueType = HYBRID,
        visibility: memory_pb2.Visibility.ValueType = memory_pb2.VISIBILITY_UNSPECIFIED,
        session: str = "",
    ) -> memory_service_pb2.SearchMemoriesResponse:
        request = memory_service_pb2.SearchMemoriesRequest(
            scope=self.scope(session),
            query=query,
            options=memory_pb2.SearchOptions(mode=mode, visibility=visibility),
        )
        return await self.stub.SearchMemories(request, timeout=_TIMEOUT)

    async def found(self, query: str, **options: Any) -> list[str]:
        """The texts that a search finds, the best first."""
        return [hit.memory.text for hit in (await self.search(query, **options)).hits]


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Stub]:
    """A stub that connects again quickly when its server was away."""
    options = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 100)]
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        yield Stub(channel)


async def health(address: str, service: str = "") -> str:
    """What the server at `address` says of a service of its own: SERVING, NOT_SERVING, …"""
    async with grpc.aio.insecure_channel(address) as channel:
        request = health_pb2.HealthCheckRequest(service=service)
        answer = await health_pb2_grpc.HealthStub(channel).Check(request, timeout=_TIMEOUT)
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


def said(text: str, *, name: str = "Alice", id_: str = "") -> memory_pb2.Message:
    return memory_pb2.Message(id=id_, role=memory_pb2.ROLE_USER, name=name, content=text)


def comparable(memories: Sequence[memory_pb2.Memory]) -> list[memory_pb2.Memory]:
    """What memories say, wherever and whenever they were stored, in an order of their own."""
    copies = []
    for memory in memories:
        copy = memory_pb2.Memory()
        copy.CopyFrom(memory)
        copy.ClearField("create_time")
        copy.ClearField("update_time")
        copy.ClearField("etag")
        copy.ClearField("revision")
        copies.append(copy)
    return sorted(copies, key=lambda copy: copy.id)


async def refusal(call: Awaitable[Any]) -> tuple[grpc.StatusCode, str]:
    """The code and the reason with which a call fails; AssertionError if it does not."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        failure = read_error(error)
        return failure.code, failure.reason
    raise AssertionError("the call did not fail")
