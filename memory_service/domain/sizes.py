"""What fits into one response. Clients of gRPC take 4 MiB unless they ask for more. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, takewhile
from typing import TypeVar

from memory_service.domain.changes import Earlier
from memory_service.domain.memory import Memory
from memory_service.domain.owner import Owner
from memory_service.domain.session import Message, Session
from memory_service.domain.transfer import DeletedFact, Record, SessionHead, Waiting
from memory_service.domain.waiting import as_memory

RESPONSE_BYTES = 3 * 1024 * 1024
"""A quarter of what a client takes is left for what stands around the items."""

PER_ITEM = 128
"""Bytes of an item's numbers, times and tags, and of each of its parts, at most."""

OBJECT_BYTES = 3
"""Bytes of a free-form object for each of its JSON, at most: a number such as "1.0" has eleven."""

_NOBODY = Owner.shared("", "")

Item = TypeVar("Item")


def newest_that_fit(messages: Sequence[Message], data: str = "") -> tuple[Message, ...]:
    """Return the end of `messages` that fits beside a session's data, the last in any case."""
    fitting = _that_fit(messages[::-1], message_bytes, RESPONSE_BYTES - _object_bytes(data))
    return tuple(fitting[::-1])


def first_that_fit(memories: Sequence[Memory]) -> tuple[Memory, ...]:
    """Return the beginning of `memories` that fits, the first memory in any case."""
    return tuple(_that_fit(memories, memory_bytes))


def one_by_one_that_fit(memories: Iterable[Memory | None]) -> int:
    """Return how many of `memories`, some of which are not there, fit from the first on."""
    sizes = (memory_bytes(memory) if memory else PER_ITEM for memory in memories)
    return how_many_fit(sizes, RESPONSE_BYTES)


def waiting_that_fit(
    memories: Sequence[Memory], beside: Sequence[Message], data: str = ""
) -> tuple[Memory, ...]:
    """Return the beginning of `memories` that fits beside these; there may be none."""
    left = RESPONSE_BYTES - _object_bytes(data) - sum(map(message_bytes, beside))
    return tuple(memories[: _count(memories, memory_bytes, left)])


def _that_fit(
    items: Sequence[Item], size: Callable[[Item], int], most: int = RESPONSE_BYTES
) -> list[Item]:
    return list(items[: max(_count(items, size, most), 1)])


def _count(items: Sequence[Item], size: Callable[[Item], int], most: int) -> int:
    return how_many_fit(map(size, items), most)


def how_many_fit(sizes: Iterable[int], most: int) -> int:
    """Return how many of `sizes`, from the first on, are at most `most` together."""
    return sum(1 for _ in takewhile(lambda total: total <= most, accumulate(sizes)))


def sessions_that_fit(sessions: Sequence[Session]) -> tuple[Session, ...]:
    """Return the beginning of `sessions` that fits, the first session in any case."""
    return tuple(_that_fit(sessions, _session_bytes))


def message_bytes(message: Message) -> int:
    """Return about how many bytes a message takes on the wire, rather more than less."""
    calls = [part for call in message.tool_calls for part in (call.id, call.name, call.arguments)]
    answers = message.tool_call_id + message.time_zone
    parts = _bytes((message.id, message.name, message.content, answers, *calls))
    return parts + _object_bytes(message.metadata)


def memory_bytes(memory: Memory) -> int:
    """Return about how many bytes a memory takes on the wire, rather more than less."""
    entities = [part for entity in memory.entities for part in (entity.name, entity.kind)]
    sources = [part for s in memory.sources for part in (s.session_id, s.message_id)]
    others = (*memory.supersedes, memory.superseded_by, memory.supersede_reason)
    others += (*memory.contradicts, memory.slot, memory.owner.namespace + memory.owner.id)
    others += (memory.extractor, memory.event_time.zone if memory.event_time else "")
    if memory.turn:
        others += (memory.turn.speaker, memory.turn.preceding)
    parts = _bytes((memory.id, memory.text, *memory.topics, *entities, *sources, *others))
    return parts + _object_bytes(memory.metadata)


def record_bytes(record: Record) -> int:
    """Return about how many bytes an exported record takes on the wire, rather more than less."""
    match record:
        case Memory():
            return memory_bytes(record)
        case Earlier():
            return memory_bytes(record.memory) + PER_ITEM
        case Message():
            return message_bytes(record)
        case Waiting(memory):
            return memory_bytes(as_memory(_NOBODY, memory))
        case SessionHead(session, notes, summary):
            reasons = (failed.reason for failed in session.failed_ranges)
            parts = _bytes((notes.context, summary.text, *reasons))
            return _session_bytes(session) + parts + _object_bytes(notes.data)
        case DeletedFact(digest):
            return _bytes((digest,))


def _session_bytes(session: Session) -> int:
    owner, options = session.ref.owner, session.options
    names = (owner.namespace, owner.id, session.ref.session_id)
    return _bytes((*names, options.strategy.instructions, options.time_zone))


def _object_bytes(json: str) -> int:
    return OBJECT_BYTES * len(json.encode())


def _bytes(parts: Iterable[str]) -> int:
    return PER_ITEM + sum(len(part.encode()) + PER_ITEM for part in parts)
