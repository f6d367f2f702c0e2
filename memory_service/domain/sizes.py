"""What fits into one response. Clients of gRPC take 4 MiB unless they ask for more. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, takewhile
from typing import TypeVar

from memory_service.domain.memory import Memory
from memory_service.domain.session import Message

RESPONSE_BYTES = 3 * 1024 * 1024
"""A quarter of what a client takes is left for what stands around the items."""

PER_ITEM = 128
"""Bytes of an item's numbers, times and tags, and of each of its parts, at most."""

Item = TypeVar("Item")


def newest_that_fit(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return the end of `messages` that fits, the last message in any case."""
    fitting = _that_fit(messages[::-1], message_bytes)
    return tuple(fitting[::-1])


def first_that_fit(memories: Sequence[Memory]) -> tuple[Memory, ...]:
    """Return the beginning of `memories` that fits, the first memory in any case."""
    return tuple(_that_fit(memories, memory_bytes))


def _that_fit(items: Sequence[Item], size: Callable[[Item], int]) -> list[Item]:
    totals = accumulate(map(size, items))
    count = sum(1 for _ in takewhile(lambda total: total <= RESPONSE_BYTES, totals))
    return list(items[: max(count, 1)])


def message_bytes(message: Message) -> int:
    """Return about how many bytes a message takes on the wire, rather more than less."""
    calls = [part for call in message.tool_calls for part in (call.id, call.name, call.arguments)]
    return _bytes((message.id, message.name, message.content, message.metadata, *calls))


def memory_bytes(memory: Memory) -> int:
    """Return about how many bytes a memory takes on the wire, rather more than less."""
    entities = [part for entity in memory.entities for part in (entity.name, entity.kind)]
    sources = [part for s in memory.sources for part in (s.session_id, s.message_id)]
    return _bytes((memory.id, memory.text, memory.metadata, *memory.topics, *entities, *sources))


def _bytes(parts: Iterable[str]) -> int:
    return PER_ITEM + sum(len(part.encode()) + PER_ITEM for part in parts)
