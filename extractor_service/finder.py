"""Who finds memories in a conversation: one protocol, and the rules behind it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import inf
from typing import Protocol

from extractor_service.domain import NO_USAGE, Conversation, Finding, LlmUsage, Setting, Strategy
from extractor_service.strategies import kept
from extractor_service.worker import RulesFailed, RulesWorker, Task
from service_kit.safe_traceback import safe_traceback

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """Memories in the order of their sources, and the name and version of what found them.

    `usage` is that of the language model, if one was asked, also where it was of no use.
    """

    findings: tuple[Finding, ...]
    extractor: str
    usage: LlmUsage = NO_USAGE


class Finder(Protocol):
    """Finds memories, for any number of callers on one event loop."""

    @property
    def name(self) -> str:
        """Name and version of what finds them if all goes well; raises `NotServing`."""
        ...

    async def find(
        self, conversation: Conversation, strategy: Strategy, deadline: float = inf
    ) -> Found:
        """What `strategy` asks for in the conversation's messages.

        The caller waits until `deadline`, a time of the event loop's clock. Raises `RulesFailed`
        if the input is at fault, `RulesQueueFull` or `NotServing` if not.
        """
        ...


class RulesFinder:
    """Finds what the rules find, as far as the strategy asks for it."""

    def __init__(self, worker: RulesWorker) -> None:
        """`worker` is warmed and stopped by somebody else."""
        self._worker = worker

    @property
    def name(self) -> str:
        """As `Finder.name`."""
        return self._worker.ruleset.version

    async def find(
        self, conversation: Conversation, strategy: Strategy, deadline: float = inf
    ) -> Found:
        """As `Finder.find`. The deadline is not looked at: when it has passed, this is cancelled.

        Each message is seen with the `context_turns` turns before it and nothing else, so the same
        conversation gives the same memories wherever it is cut into deltas.
        """
        ruleset = self._worker.ruleset
        setting = Setting(conversation.known, strategy.include_assistant)
        tasks = windows(conversation, ruleset.context_turns, setting)
        found = zip(tasks, await self._run(tasks), strict=True)
        findings = (kept(each, task.turn.role, strategy) for task, each in found)
        return Found(tuple(chain.from_iterable(findings)), ruleset.version)

    async def _run(self, tasks: Sequence[Task]) -> list[tuple[Finding, ...]]:
        try:
            return await self._worker.extract(tasks)
        except RulesFailed as error:
            logger.warning(
                "the rules failed on a message",
                extra={"traceback": safe_traceback(error)},
            )
            raise


def windows(conversation: Conversation, size: int, setting: Setting) -> list[Task]:
    """Each message with the `size` turns before it, or as many as there are."""
    turns = (*conversation.context, *conversation.messages)
    first = len(conversation.context)
    return [
        Task(turns[place], turns[max(0, place - size) : place], setting)
        for place in range(first, len(turns))
    ]
