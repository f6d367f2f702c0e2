"""Background: the application only appends what is said; memories appear by themselves.

No language model is needed. `python -m examples.patterns.background`
"""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime

import grpc
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub

from examples.command_line import no_arguments

ADDRESS = os.environ.get("AGENT_MEMORY", "127.0.0.1:50051")
SCOPE = memory_pb2.Scope(
    namespace="patterns", user_id="alice", session_id=f"background-{uuid.uuid4().hex[:8]}"
)
TALK = [
    (memory_pb2.ROLE_USER, "I'm Alice. I work as a nurse in Bergen."),
    (memory_pb2.ROLE_ASSISTANT, "Nice to meet you! What can I do for you?"),
    (memory_pb2.ROLE_USER, "I'm allergic to peanuts, so nothing with peanuts, please."),
    (memory_pb2.ROLE_USER, "Yesterday I bought a new bicycle."),
]


def append(memory: MemoryServiceStub) -> None:
    """Append each turn as it is said. A message's id makes a repeat harmless."""
    for number, (role, content) in enumerate(TALK):
        message = memory_pb2.Message(id=f"turn-{number}", role=role, content=content)
        memory.AppendMessages(pb.AppendMessagesRequest(scope=SCOPE, messages=[message]), timeout=30)


def note(memory: MemoryServiceStub) -> None:
    """Put a memory that the application knows by itself into the session, to be promoted."""
    ordered = memory_pb2.Memory(
        text="Alice ordered a bicycle helmet.",
        type=memory_pb2.MEMORY_TYPE_EPISODIC,
        topics=["orders"],
        event_time=memory_pb2.EventTime(precision=memory_pb2.TIME_PRECISION_DAY),
    )
    ordered.event_time.time.FromDatetime(datetime(2025, 3, 3, tzinfo=UTC))
    memory.AppendMessages(pb.AppendMessagesRequest(scope=SCOPE, memories=[ordered]), timeout=30)


def learned(memory: MemoryServiceStub, topic: str, revision: int) -> list[str]:
    """Return what is known about a topic, from this revision on at least."""
    about = memory_pb2.TagCondition(field=memory_pb2.TAG_FIELD_TOPIC, equals=topic)
    request = pb.ListMemoriesRequest(
        scope=SCOPE,
        filter=memory_pb2.Filter(must=[memory_pb2.Condition(tag=about)]),
        min_revision=revision,
    )
    return [found.text for found in memory.ListMemories(request, timeout=30).memories]


def main() -> None:
    with grpc.insecure_channel(ADDRESS) as channel:
        memory = MemoryServiceStub(channel)
        append(memory)
        note(memory)
        # It would happen by itself, seconds later; at the end of a talk one may wait for it.
        flushed = memory.FlushSession(pb.FlushSessionRequest(scope=SCOPE), timeout=120)
        for topic in ("work", "food", "health", "orders"):
            print(f"{topic}: {learned(memory, topic, flushed.revision)}")


if __name__ == "__main__":
    no_arguments(__doc__)
    main()
