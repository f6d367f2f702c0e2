"""Memories that a model writes, on their way to the services that store them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from agentmemory.v1 import memory_pb2

from memory_service.domain.memory import NewMemory
from memory_service.guarding import Guard
from memory_service.tools.arguments import BadCall
from memory_service.tools.times import read_time
from memory_service.translate import memories, showing
from service_kit.guard.instructions import tries_to_instruct

TYPES = {
    "semantic": memory_pb2.MEMORY_TYPE_SEMANTIC,
    "episodic": memory_pb2.MEMORY_TYPE_EPISODIC,
}
_REFUSED = "gives orders to whoever reads it; a memory says what is true"


async def new_memories(given: Sequence[Mapping[str, Any]], guard: Guard) -> list[NewMemory]:
    """Return what is to be stored. Raises BadCall, InvalidField."""
    await asyncio.to_thread(
        _refuse_orders, {f"memories[{i}]": each for i, each in enumerate(given)}
    )
    protos = [memory_proto(each, f"memories[{i}].") for i, each in enumerate(given)]
    return await guard.memories(memories.from_protos(protos))


async def new_values(given: Mapping[str, Any], guard: Guard) -> Mapping[str, Any]:
    """Return the values that a memory is to be given. Raises BadCall, InvalidField."""
    await asyncio.to_thread(_refuse_orders, {"": given})
    return await guard.values(memories.values_from_proto(memory_proto(given, ""), list(given)))


def memory_proto(given: Mapping[str, Any], at: str) -> memory_pb2.Memory:
    """Return a memory as callers of the service write it; `at` stands before names of fields."""
    found = memory_pb2.Memory(
        text=given.get("text") or "",
        type=TYPES.get(given.get("type") or "", memory_pb2.MEMORY_TYPE_UNSPECIFIED),
        topics=given.get("topics") or (),
        entities=[memory_pb2.Entity(name=name) for name in given.get("entities") or ()],
    )
    if when := given.get("event_time"):
        time = showing.event_time(read_time(when, f"{at}event_time"))
        found.event_time.CopyFrom(time)
    return found


def _refuse_orders(given: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse what tries to instruct its reader.

    A model may have read it anywhere, and what it writes would be trusted in every prompt to come.
    """
    for at, memory in given.items():
        for name in ("text", "topics", "entities"):
            value = memory.get(name) or ""
            texts = [value] if isinstance(value, str) else value
            if any(map(tries_to_instruct, texts)):
                raise BadCall(f"{at}.{name}: {_REFUSED}".removeprefix("."))
