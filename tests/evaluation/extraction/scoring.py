"""Scores memories, and those that two baselines would keep."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.progress import Progress

from extractor_service.model import ModelChoice, load_embedder
from extractor_service.rules.parse import load

from . import baselines, checks
from .corpus import Conversation
from .memories import Memory
from .report import Measured
from .score import Vectoriser, match

BASELINES: dict[str, Callable[[Conversation], list[Memory]]] = {
    "random sentences": baselines.random_sentences,
    "longest sentence": baselines.longest_sentences,
}


class Scorer:
    """Scores with the bundled model and a parser, in this process and one thread."""

    def __init__(self) -> None:
        """Load the models; takes some seconds."""
        self._nlp = load()
        self._embedder = load_embedder(ModelChoice(device="cpu", threads=1))
        self._vectoriser = Vectoriser(self._embedder)

    @property
    def model(self) -> str:
        """The embedding model's name and revision."""
        return f"{self._embedder.info.name}@{self._embedder.info.revision}"

    def remembered(
        self, conversation: Conversation, memories: Sequence[Memory], seconds: float
    ) -> Measured:
        """Score memories that say where they come from, and that took so long to find."""
        return self._measured(
            conversation,
            memories,
            spans=tuple(checks.has_valid_span(memory, conversation) for memory in memories),
            days_off=tuple(checks.days_off(memories, conversation)),
            seconds=seconds,
        )

    def baselines(
        self, conversations: Sequence[Conversation], progress: Progress
    ) -> dict[str, list[Measured]]:
        """What each baseline makes of each conversation."""
        return {name: self._baseline(name, conversations, progress) for name in BASELINES}

    def _baseline(
        self, name: str, conversations: Sequence[Conversation], progress: Progress
    ) -> list[Measured]:
        task = progress.add_task(name, total=len(conversations))
        found = []
        for conversation in conversations:
            found.append(self._measured(conversation, BASELINES[name](conversation)))
            progress.advance(task)
        return found

    def _measured(
        self,
        conversation: Conversation,
        memories: Sequence[Memory],
        *,
        spans: tuple[bool, ...] | None = None,
        days_off: tuple[int, ...] = (),
        seconds: float | None = None,
    ) -> Measured:
        return Measured(
            conversation.name,
            len(conversation.turns),
            tuple(memories),
            match(conversation.facts, memories, self._vectoriser),
            tuple(checks.unresolved(memories, conversation, self._nlp)),
            spans,
            days_off,
            seconds,
        )
