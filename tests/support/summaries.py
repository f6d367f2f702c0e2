"""Summaries for tests: what was said, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from memory_service.domain.errors import ExtractionFailed
from memory_service.domain.session import Message
from memory_service.store.session_changes import SessionChanges
from memory_service.summarizing import Summarizing
from tests.support.extraction import World


class FakeSummarizer:
    """Adds the messages' texts; refuses pieces with a poisonous one."""

    def __init__(self, *, poison: Iterable[str] = ()) -> None:
        self.down = False
        self.poison = set(poison)
        self.asked: list[tuple[list[int], list[int]]] = []

    async def extend(
        self, summary: str, context: Sequence[Message], messages: Sequence[Message], max_tokens: int
    ) -> str | None:
        self.asked.append(([m.sequence for m in context], [m.sequence for m in messages]))
        if any(message.content in self.poison for message in messages):
            raise ExtractionFailed("EXTRACTION_FAILED")
        if self.down:
            return None
        return "\n".join(filter(None, [summary, *(message.content for message in messages)]))


def summarizing(world: World, summarizer: FakeSummarizer | None = None) -> Summarizing:
    """One process's hand on summaries."""
    changes = SessionChanges(world.redis)
    return Summarizing(world.sessions, changes, summarizer or FakeSummarizer(), world.extractor)
