"""Puts what the service answers into words."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from datetime import UTC

from agentmemory.v1 import memory_pb2

from service_kit.time_zones import in_zone

from .locomo import Conversation, Turn

_QUOTE_LENGTH = 70

TurnsBySource = dict[tuple[str, str], Turn]


def turns_by_source(conversation: Conversation) -> TurnsBySource:
    """The turns by session id and message id, in the order in which they were said."""
    return {
        (session.id, turn.id): turn for session in conversation.sessions for turn in session.turns
    }


def in_order_of_saying(
    memories: Iterable[memory_pb2.Memory], turns: TurnsBySource
) -> list[memory_pb2.Memory]:
    """Sort memories by the passage that they come from; those without one go last."""
    places = {key: place for place, key in enumerate(turns)}

    def place(memory: memory_pb2.Memory) -> tuple[int, int]:
        passages = [
            (places.get((source.session_id, source.message_id), len(places)), source.start)
            for source in memory.sources
        ]
        return min(passages, default=(len(places), 0))

    return sorted(memories, key=place)


def type_name(memory_type: memory_pb2.MemoryType.ValueType) -> str:
    """Name a type of memory: "semantic", "episodic", "message"."""
    return _lowered(memory_pb2.MemoryType.Name(memory_type), "MEMORY_TYPE_")


def role_name(role: memory_pb2.Role.ValueType) -> str:
    """Name a role: "user", "assistant", "system", "tool"."""
    return _lowered(memory_pb2.Role.Name(role), "ROLE_")


def event_date(memory: memory_pb2.Memory) -> str:
    """Say when it happened, as exactly as is known: "2023", "May 2023", "8 May 2023"…"""
    if not memory.HasField("event_time"):
        return ""
    time = in_zone(memory.event_time.time.ToDatetime(tzinfo=UTC), memory.event_time.time_zone)
    day = f"{time.day} {time:%b %Y}"
    return {
        memory_pb2.TIME_PRECISION_YEAR: f"{time:%Y}",
        memory_pb2.TIME_PRECISION_MONTH: f"{time:%b %Y}",
        memory_pb2.TIME_PRECISION_WEEK: f"week of {day}",
        memory_pb2.TIME_PRECISION_DAY: day,
    }.get(memory.event_time.precision, f"{day} {time:%H:%M}")


def details(memory: memory_pb2.Memory) -> str:
    """Type, topics and entities in a line; what is missing is left out."""
    entities = [
        f"{entity.name} ({entity.kind})" if entity.kind else entity.name
        for entity in memory.entities
    ]
    parts = [type_name(memory.type)]
    if memory.topics:
        parts.append("topics: " + ", ".join(memory.topics))
    if entities:
        parts.append("entities: " + ", ".join(entities))
    return " · ".join(parts)


def quotation(source: memory_pb2.Source, turns: TurnsBySource) -> str:
    """The message's id and the passage: ``D1:4 “I work as a data analyst”``."""
    turn = turns.get((source.session_id, source.message_id))
    passage = _passage(turn.text, source.start, source.end) if turn else ""
    quote = textwrap.shorten(passage, _QUOTE_LENGTH, placeholder=" …")
    return f"{source.message_id} “{quote}”" if quote else source.message_id


def _passage(text: str, start: int, end: int) -> str:
    if start == end == 0:
        return text
    # Places in a message are counted in bytes.
    return text.encode()[start:end].decode(errors="replace")


def origins(memory: memory_pb2.Memory) -> str:
    """The ids of the messages that a memory comes from."""
    return ", ".join(dict.fromkeys(source.message_id for source in memory.sources))


def evidence_verdict(evidence: Sequence[str], hits: Sequence[memory_pb2.SearchHit]) -> str:
    """Say for each turn with the answer which hit comes from it."""
    return ", ".join(f"{turn_id} {_rank(turn_id, hits)}" for turn_id in evidence)


def _rank(turn_id: str, hits: Sequence[memory_pb2.SearchHit]) -> str:
    for rank, hit in enumerate(hits, start=1):
        if any(source.message_id == turn_id for source in hit.memory.sources):
            return f"is hit {rank}"
    return f"is not in the top {len(hits)}" if hits else "is not found"


def duration(seconds: float) -> str:
    """Write a duration with three digits: "1.23 ms", "45.6 s"."""
    value, unit = (seconds, "s") if seconds >= 1 else (seconds * 1000, "ms")
    places = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{places}f} {unit}"


def _lowered(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).lower()
