"""Something that is there already, for calls that go wrong to leave as it is."""

from __future__ import annotations

from dataclasses import dataclass

from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub

TEXTS = ("Alice plays the cello.", "Alice keeps bees.", "Alice walks to work.")


@dataclass(frozen=True)
class Seed:
    """A user with two sessions and three memories, and tokens of second pages.

    The message "m1" is in the session; the request id "r1" has been used by AppendMessages,
    CreateMemories and DeleteMemories.
    """

    user: memory_pb2.Scope
    session: memory_pb2.Scope
    unknown_session: memory_pb2.Scope
    stranger: memory_pb2.Scope
    memory_ids: tuple[str, ...]
    memories_token: str
    sessions_token: str


def said(content: str = "I keep bees.", **fields: object) -> memory_pb2.Message:
    """Return a user's message."""
    return memory_pb2.Message(**{"role": memory_pb2.ROLE_USER, "content": content, **fields})  # type: ignore[arg-type]


def session_of(user: memory_pb2.Scope, session_id: str) -> memory_pb2.Scope:
    """Return the scope of one of the user's sessions."""
    return memory_pb2.Scope(namespace=user.namespace, user_id=user.user_id, session_id=session_id)


async def sow(
    memory: MemoryServiceStub, user: memory_pb2.Scope, stranger: memory_pb2.Scope
) -> Seed:
    """Store what `Seed` describes."""
    for session_id in ("s1", "s2"):
        scope = session_of(user, session_id)
        await memory.AppendMessages(
            pb.AppendMessagesRequest(scope=scope, messages=[said(id="m1")], request_id=session_id)
        )
        await memory.FlushSession(pb.FlushSessionRequest(scope=scope))
    created = await memory.CreateMemories(
        pb.CreateMemoriesRequest(
            scope=user, memories=[memory_pb2.Memory(text=text) for text in TEXTS], request_id="r1"
        )
    )
    await memory.DeleteMemories(
        pb.DeleteMemoriesRequest(scope=user, ids=["never there"], request_id="r1")
    )
    listed = await memory.ListMemories(pb.ListMemoriesRequest(scope=user, page_size=1))
    sessions = await memory.ListSessions(pb.ListSessionsRequest(scope=user, page_size=1))
    return Seed(
        user=user,
        session=session_of(user, "s1"),
        unknown_session=session_of(user, "nobody said this"),
        stranger=stranger,
        memory_ids=tuple(result.memory.id for result in created.results),
        memories_token=listed.next_page_token,
        sessions_token=sessions.next_page_token,
    )
