"""Plays a conversation to the service, as an application would while people talk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

from agentmemory.v1 import memory_pb2, memory_service_pb2
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from .locomo import Conversation, Turn
from .stopwatch import Stopwatch

if TYPE_CHECKING:
    # The asynchronous stub is a type only; a MemoryServiceStub on an aio channel is one.
    from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceAsyncStub

APPEND = "AppendMessages"
FLUSH = "FlushSession"

_NAMESPACE = "demo"
# An application appends as things are said: mostly one turn, sometimes a few at a time.
_BATCH_SIZES = (1, 2, 3, 4)
_READ_TIMEOUT_S = 30
_APPEND_TIMEOUT_S = 30
# A flush waits until the models have read the whole session.
_FLUSH_TIMEOUT_S = 600


def scope_of(conversation: Conversation, session_id: str = "") -> memory_pb2.Scope:
    """Everything that is remembered of a conversation belongs to one user, named after it."""
    return memory_pb2.Scope(namespace=_NAMESPACE, user_id=conversation.name, session_id=session_id)


async def is_known(stub: MemoryServiceAsyncStub, conversation: Conversation) -> bool:
    """Whether the conversation, or some of it, was played before. Raises grpc.aio.AioRpcError."""
    request = memory_service_pb2.ListSessionsRequest(scope=scope_of(conversation), page_size=1)
    response = await stub.ListSessions(request, timeout=_READ_TIMEOUT_S)
    return response.total_size > 0


async def play(
    stub: MemoryServiceAsyncStub,
    conversation: Conversation,
    stopwatch: Stopwatch,
    console: Console,
) -> int:
    """Append each session in small batches and flush it.

    Returns the owner's revision that includes everything. Playing a conversation again changes
    nothing, because its messages carry ids. Raises grpc.aio.AioRpcError.
    """
    revision = 0
    with _progress(console) as progress:
        appended = progress.add_task("append", total=conversation.turn_count)
        extracted = progress.add_task("extract", total=conversation.turn_count)
        for session in conversation.sessions:
            scope = scope_of(conversation, session.id)
            progress.update(appended, description=f"append {session.id}")
            for turns in batches(session.turns):
                with stopwatch.time(APPEND):
                    await _append(stub, scope, turns)
                progress.advance(appended, len(turns))
            progress.update(extracted, description=f"extract {session.id}")
            with stopwatch.time(FLUSH):
                revision = max(revision, await _flush(stub, scope))
            progress.advance(extracted, len(session.turns))
        progress.update(appended, description="appended")
        progress.update(extracted, description="extracted")
    return revision


def batches(turns: Sequence[Turn]) -> Iterator[Sequence[Turn]]:
    """Cut turns into batches of 1, 2, 3, 4, 1, 2, … turns."""
    sizes = cycle(_BATCH_SIZES)
    start = 0
    while start < len(turns):
        end = start + next(sizes)
        yield turns[start:end]
        start = end


def to_message(turn: Turn) -> memory_pb2.Message:
    """Both people are users; the name says who of them speaks."""
    message = memory_pb2.Message(
        id=turn.id, role=memory_pb2.ROLE_USER, name=turn.speaker, content=turn.text
    )
    message.create_time.FromDatetime(turn.time)
    return message


async def _append(
    stub: MemoryServiceAsyncStub, scope: memory_pb2.Scope, turns: Sequence[Turn]
) -> None:
    request = memory_service_pb2.AppendMessagesRequest(
        scope=scope, messages=[to_message(turn) for turn in turns]
    )
    await stub.AppendMessages(request, timeout=_APPEND_TIMEOUT_S)


async def _flush(stub: MemoryServiceAsyncStub, scope: memory_pb2.Scope) -> int:
    request = memory_service_pb2.FlushSessionRequest(scope=scope)
    response = await stub.FlushSession(request, timeout=_FLUSH_TIMEOUT_S)
    return response.revision


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<20}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("turns"),
        TimeElapsedColumn(),
        console=console,
    )
