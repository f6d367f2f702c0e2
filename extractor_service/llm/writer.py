"""Writes running summaries with the language model, and with the rules where it fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from extractor_service.domain import Conversation
from extractor_service.llm.answer import BadReply, Fault, sentences_form
from extractor_service.llm.conversation import Chunk, chunks
from extractor_service.llm.failures import LlmFailed
from extractor_service.llm.metrics import LlmMetrics
from extractor_service.llm.model import Job, LanguageModel, Question
from extractor_service.llm.prompts import View, for_summary
from extractor_service.llm.validation import valid_sentences, vocabulary_of
from extractor_service.summarizer import Writer, Written

_LONGEST_SENTENCE = 600
# English words, of which four are about five tokens of the embedding model's vocabulary: 1.3 each,
# and some room for it to be a little longer than asked for.
_WORDS_PER_TOKEN = 0.7


_WORDS_PER_SENTENCE = 6


class LlmWriter:
    """A `Writer`: the model writes the summary anew, from the one so far and the new messages."""

    def __init__(
        self, model: LanguageModel, extractive: Writer, view: View, metrics: LlmMetrics
    ) -> None:
        """`extractive` writes what the model cannot; what sentences are dropped is counted."""
        self._model = model
        self._extractive = extractive
        self._view = view
        self._metrics = metrics

    async def write(
        self, summary: str, conversation: Conversation, max_tokens: int, deadline: float
    ) -> Written:
        """As `Writer.write`; never fails because of the model."""
        job = self._model.job(deadline)
        try:
            text = await self._written(summary, conversation, max_tokens, job)
        except LlmFailed as error:
            self._model.gave_up(error)
            written = await self._extractive.write(summary, conversation, max_tokens, deadline)
            made_by = f"{written.summarizer} after {self._model.name}"
            return replace(written, summarizer=made_by, usage=job.usage)
        return Written(text, self._model.name, job.usage)

    async def _written(
        self, summary: str, conversation: Conversation, max_tokens: int, job: Job
    ) -> str:
        words = max(1, int(max_tokens * _WORDS_PER_TOKEN))
        for whole in chunks(conversation, self._view.messages, self._view.characters):
            chunk = whole.clipped(self._view.characters)
            if any(turn.text.strip() for turn in chunk.messages):
                summary = await self._extended(summary, chunk, words, job)
        return summary

    async def _extended(self, summary: str, chunk: Chunk, words: int, job: Job) -> str:
        lines = summary.splitlines()

        def read(sentences: Sequence[Any]) -> list[str]:
            vocabulary = vocabulary_of(chunk, lines)
            kept, drops = valid_sentences(sentences, vocabulary, _LONGEST_SENTENCE)
            for drop, number in drops.items():
                self._metrics.dropped.labels(drop.value).inc(number)
            if sentences and not kept:
                raise BadReply(Fault.NOTHING_VALID)
            return kept

        messages = for_summary(lines, chunk, words, self._view)
        kept = await self._model.ask(Question(messages, sentences_form(_most(words))), read, job)
        # Nothing to add is not a reason to forget.
        return "\n".join(kept) if kept else summary


def _most(words: int) -> int:
    """Short sentences of so many words."""
    return max(1, words // _WORDS_PER_SENTENCE)
