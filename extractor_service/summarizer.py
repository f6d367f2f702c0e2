"""Sums up conversations: a writer writes the summary, and here it is cut to its size."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Protocol

from extractor_service.domain import NO_USAGE, Conversation, LlmUsage, Strategy
from extractor_service.extraction_metrics import ExtractionMetrics
from extractor_service.finder import Finder
from extractor_service.measuring import measured
from extractor_service.summary import counted_lines, extended, fitting

EXTRACTIVE = "extractive-1"
"""Name and version of how sentences become a summary."""

CountTokens = Callable[[Sequence[str]], Awaitable[list[int]]]
"""Tells how many tokens of the embedding model each text is."""


@dataclass(frozen=True, slots=True)
class Written:
    """A summary, a sentence a line, and name and version of what made it.

    `usage` is that of the language model, if one was asked, also where it was of no use.
    """

    text: str
    summarizer: str
    usage: LlmUsage = NO_USAGE


class Writer(Protocol):
    """Writes summaries, for any number of callers on one event loop."""

    async def write(
        self, summary: str, conversation: Conversation, max_tokens: int, deadline: float
    ) -> Written:
        """The summary with what the conversation's messages tell; it may become too long.

        The caller waits until `deadline`, a time of the event loop's clock. Raises what
        `Finder.find` raises.
        """
        ...


class ExtractiveWriter:
    """Writes without a language model: the sentences that the finder found.

    While nothing has to be dropped, a conversation gives the same summary in one piece and in many,
    each with the turns before it.
    """

    def __init__(self, finder: Finder) -> None:
        self._finder = finder

    async def write(
        self, summary: str, conversation: Conversation, max_tokens: int, deadline: float
    ) -> Written:
        """As `Writer.write`."""
        found = await self._finder.find(conversation, Strategy(), deadline)
        text = extended(summary, (finding.text for finding in found.findings))
        return Written(text, f"{found.extractor}/{EXTRACTIVE}")


class Summarizer:
    """Extends summaries; a pure function of its input, as far as its writer is."""

    def __init__(
        self, writer: Writer, count_tokens: CountTokens, metrics: ExtractionMetrics
    ) -> None:
        self._writer = writer
        self._count_tokens = count_tokens
        self._metrics = metrics

    async def extend(
        self, summary: str, conversation: Conversation, max_tokens: int, deadline: float = inf
    ) -> Written:
        """The summary with what the conversation's messages tell, in at most so many tokens.

        The caller waits until `deadline`, a time of the event loop's clock. Raises what
        `Finder.find` raises.
        """
        with measured(self._metrics.summaries, self._metrics.summary_seconds):
            written = await self._writer.write(summary, conversation, max_tokens, deadline)
            tokens = await self._count_tokens(counted_lines(written.text))
            return replace(written, text=fitting(written.text, tokens, max_tokens))
