"""Asks the service what it remembers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentmemory.v1 import memory_pb2, memory_service_pb2

from .locomo import Conversation, Question
from .play import scope_of
from .stopwatch import Stopwatch

if TYPE_CHECKING:
    # The asynchronous stub is a type only; a MemoryServiceStub on an aio channel is one.
    from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceAsyncStub

_HITS = 5
_QUESTIONS = 5
_RECENT_MESSAGES = 6
_PAGE_SIZE = 200
_TIMEOUT_S = 30


@dataclass(frozen=True)
class Answer:
    """What a search found for a question."""

    question: Question
    hits: Sequence[memory_pb2.SearchHit]
    degraded: bool


@dataclass(frozen=True)
class Reader:
    """Reads the memories of one conversation, at least as new as ``revision``.

    Its methods raise grpc.aio.AioRpcError.
    """

    stub: MemoryServiceAsyncStub
    conversation: Conversation
    revision: int
    stopwatch: Stopwatch

    async def memories(self) -> list[memory_pb2.Memory]:
        """All memories, page by page."""
        request = memory_service_pb2.ListMemoriesRequest(
            scope=scope_of(self.conversation), page_size=_PAGE_SIZE, min_revision=self.revision
        )
        memories: list[memory_pb2.Memory] = []
        while True:
            with self.stopwatch.time("ListMemories"):
                page = await self.stub.ListMemories(request, timeout=_TIMEOUT_S)
            memories.extend(page.memories)
            if not page.next_page_token:
                return memories
            request.page_token = page.next_page_token

    async def answer(self, question: Question) -> Answer:
        """Search for a question, by meaning and by words."""
        request = memory_service_pb2.SearchMemoriesRequest(
            scope=scope_of(self.conversation),
            query=question.text,
            options=memory_pb2.SearchOptions(min_revision=self.revision),
            limit=_HITS,
        )
        with self.stopwatch.time("SearchMemories"):
            response = await self.stub.SearchMemories(request, timeout=_TIMEOUT_S)
        return Answer(question, response.hits, response.degraded)

    async def prompt(self, query: str) -> memory_service_pb2.BuildPromptResponse:
        """Enrich a query with memories and with the end of the last session."""
        request = memory_service_pb2.BuildPromptRequest(
            scope=scope_of(self.conversation, self.conversation.sessions[-1].id),
            query=query,
            options=memory_pb2.SearchOptions(min_revision=self.revision),
            memory_limit=_HITS,
            recent_messages=_RECENT_MESSAGES,
        )
        with self.stopwatch.time("BuildPrompt"):
            return await self.stub.BuildPrompt(request, timeout=_TIMEOUT_S)


def questions_for(conversation: Conversation) -> list[Question]:
    """The first questions of the file; of a file without any, one about each speaker."""
    made_up = [Question(f"What is {speaker} up to?", "", ()) for speaker in conversation.speakers]
    return list(conversation.questions or made_up)[:_QUESTIONS]
