"""Memories as they were at an earlier time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from memory_service.domain.memory import Memory
from memory_service.domain.search import View
from memory_service.store.history import MemoryHistory


class TimeTravel:
    """Looks into the histories of what was found by what it says now."""

    def __init__(self, history: MemoryHistory) -> None:
        self._history = history

    async def shown(self, memories: Sequence[Memory], view: View) -> list[Memory]:
        """Return the memories as they were when the view looks back to, in the same order.

        Where no state of that time is kept, the oldest that is kept stands for it.
        """
        if view.known is None:
            return list(memories)
        changed = [memory for memory in memories if memory.updated > view.known]
        states = iter(await self._history.as_of(changed, view.known))
        # Whether a memory can be found by meaning is of now, as the finding is.
        return [
            replace(next(states), embedded=memory.embedded)
            if memory.updated > view.known
            else memory
            for memory in memories
        ]
