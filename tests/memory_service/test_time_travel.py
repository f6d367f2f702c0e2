from __future__ import annotations

from dataclasses import replace

from memory_service.domain.memory import Memory
from memory_service.domain.search import View
from memory_service.time_travel import TimeTravel
from tests.support.memories import make


class FakeHistory:
    """Knows one state before for each memory; notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def as_of(self, memories: list[Memory], time: int) -> list[Memory]:
        self.asked += [memory.id for memory in memories]
        return [replace(memory, text=f"{memory.id} at {time}") for memory in memories]


FOUND = [
    replace(make("new", updated=30), embedded=True),
    make("old", updated=20),
    make("newest", updated=40),
]


async def test_what_has_changed_since_is_shown_as_it_was_in_the_same_order() -> None:
    history = FakeHistory()
    shown = await TimeTravel(history).shown(FOUND, View(known=20, current=20))
    assert [memory.text for memory in shown] == ["new at 20", "memory old", "newest at 20"]
    assert history.asked == ["new", "newest"]
    assert [memory.embedded for memory in shown] == [True, False, False]


async def test_without_a_time_to_look_back_to_all_is_shown_as_it_is() -> None:
    history = FakeHistory()
    for view in (View(), View(current=1), View(true=1)):
        assert await TimeTravel(history).shown(FOUND, view) == FOUND
    assert history.asked == []
