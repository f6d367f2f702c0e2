"""Finds memories with the language model, and with the rules where it fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import inf
from typing import Any

from extractor_service.domain import Conversation, Finding, Strategy
from extractor_service.finder import Finder, Found
from extractor_service.llm.answer import memories_form
from extractor_service.llm.conversation import Chunk, chunks
from extractor_service.llm.failures import LlmFailed
from extractor_service.llm.metrics import LlmMetrics
from extractor_service.llm.model import Job, LanguageModel, Question
from extractor_service.llm.prompts import View, for_memories
from extractor_service.llm.validation import Kept, allowed, valid

# What the model is asked for at most; of one message more may be kept.
_MOST_PER_MESSAGE = 3


class LlmFinder:
    """A `Finder`: whole chunks of a conversation go to the model, not message by message.

    One extraction has one extractor. If the model fails on any chunk, the rules do all of the
    conversation, and `extractor` says so: "rules-4 after llm-3:qwen3-8b".
    """

    def __init__(
        self, model: LanguageModel, rules: Finder, view: View, metrics: LlmMetrics
    ) -> None:
        """`rules` find what the model cannot; what memories are dropped is counted."""
        self._model = model
        self._rules = rules
        self._view = view
        self._metrics = metrics

    @property
    def name(self) -> str:
        """As `Finder.name`."""
        return self._model.name

    async def find(
        self, conversation: Conversation, strategy: Strategy, deadline: float = inf
    ) -> Found:
        """As `Finder.find`; never fails because of the model."""
        job = self._model.job(deadline)
        try:
            findings = await self._found(conversation, strategy, job)
        except LlmFailed as error:
            self._model.gave_up(error)
            found = await self._rules.find(conversation, strategy, deadline)
            extractor = f"{found.extractor} after {self.name}"
            return replace(found, extractor=extractor, usage=job.usage)
        return Found(findings, self.name, job.usage)

    async def _found(
        self, conversation: Conversation, strategy: Strategy, job: Job
    ) -> tuple[Finding, ...]:
        findings: list[Finding] = []
        for whole in chunks(conversation, self._view.messages, self._view.characters):
            chunk = whole.clipped(self._view.characters)
            if _has_anything(chunk, strategy):
                findings += await self._of(chunk, strategy, job)
        return tuple(findings)

    async def _of(self, chunk: Chunk, strategy: Strategy, job: Job) -> tuple[Finding, ...]:
        messages = for_memories(chunk, strategy, self._view)
        number = len(chunk.messages)
        question = Question(messages, memories_form(number, number * _MOST_PER_MESSAGE))
        kept = await self._model.ask(question, partial(_read, chunk, strategy), job)
        for drop, number in kept.drops.items():
            self._metrics.dropped.labels(drop.value).inc(number)
        return kept.findings


def _read(chunk: Chunk, strategy: Strategy, items: Sequence[Any]) -> Kept:
    return valid(items, chunk, strategy)


def _has_anything(chunk: Chunk, strategy: Strategy) -> bool:
    """Whether the strategy takes memories of any of these messages: else nothing is asked."""
    roles = allowed(strategy).roles
    return any(turn.role in roles and turn.text.strip() for turn in chunk.messages)
