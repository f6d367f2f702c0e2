"""Keeps secrets, and what else a policy names, out of the memories that callers write.

Nothing of a memory is refused: what must not be kept gives way to a placeholder, which the answer
shows. The log of a session and its data are the caller's own, and are kept as they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from memory_service.domain.changes import Earlier
from memory_service.domain.memory import Entity, Memory, NewMemory
from memory_service.domain.transfer import Record, SessionHead, Waiting
from memory_service.off_the_loop import in_time
from service_kit.guard.instructions import tries_to_instruct
from service_kit.guard.policy import Policy, guarded

AnyMemory = TypeVar("AnyMemory", Memory, NewMemory)


class Guard:
    """A policy at work."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    async def memories(self, new: Sequence[NewMemory]) -> list[NewMemory]:
        """Return what of these memories may be stored."""
        size = sum(len(memory.text) for memory in new)
        return await in_time(size, lambda: [self._memory(memory) for memory in new])

    async def turns(self, turns: Sequence[NewMemory]) -> list[NewMemory]:
        """Return what of these turns may be stored, marked as untrusted if they give orders."""
        size = sum(len(turn.text) for turn in turns)
        return await in_time(size, lambda: [self._turn(turn) for turn in turns])

    async def values(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what of these values, by the names of a memory's fields, may be stored."""
        size = len(values.get("text", ""))
        return await in_time(
            size, lambda: {name: self._value(name, value) for name, value in values.items()}
        )

    async def records(self, records: Sequence[Record]) -> list[Record]:
        """Return what of these imported records may be stored."""
        return await asyncio.to_thread(lambda: [self._record(record) for record in records])

    def _record(self, record: Record) -> Record:
        match record:
            case Memory():
                return self._memory(record)
            case Earlier(memory=memory):
                return replace(record, memory=self._memory(memory))
            case Waiting(memory=waiting):
                return replace(record, memory=self._memory(waiting))
            case SessionHead(summary=summary):
                return replace(record, summary=replace(summary, text=self._text(summary.text)))
            case _:
                return record

    def _memory(self, memory: AnyMemory) -> AnyMemory:
        names = ("text", "topics", "entities", "slot", "supersede_reason", "turn")
        clean = {name: self._value(name, getattr(memory, name)) for name in names}
        return replace(memory, **clean)

    def _turn(self, memory: NewMemory) -> NewMemory:
        return replace(self._memory(memory), untrusted=tries_to_instruct(memory.text))

    def _value(self, name: str, value: Any) -> Any:
        match name:
            case "text" | "supersede_reason":
                return self._text(value)
            case "turn" if value is not None:
                return replace(
                    value,
                    speaker=self._text(value.speaker),
                    preceding=self._text(value.preceding),
                )
            case "slot":
                # With a placeholder, facts of different people would take each other's place.
                return value if self._text(value) == value else ""
            case "topics":
                return tuple(dict.fromkeys(map(self._text, value)))
            case "entities":
                return tuple(dict.fromkeys(Entity(self._text(e.name), e.kind) for e in value))
            case _:
                return value

    def _text(self, text: str) -> str:
        return guarded(text, self._policy).text
