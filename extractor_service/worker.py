"""The thread that runs the rules, and the bound on how much may wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from extractor_service.batcher import NotServing
from extractor_service.condition import Condition
from extractor_service.domain import PLAIN, Finding, Setting, Turn
from extractor_service.reading import Reading, Sentences

Result = TypeVar("Result")

# Above this share of its limit the queue asks for a pause, before it has to refuse.
_HIGH_WATER = 0.5


class RulesQueueFull(Exception):
    """Too many messages wait already; none of these were taken. Worth trying again later."""


class RulesFailed(Exception):
    """The rules raise on one message, now and later; `index` is its place in the delta."""

    def __init__(self, index: int) -> None:
        """The failure of the message at `index`; what the rules raised is its cause."""
        super().__init__(f"message {index} cannot be extracted from")
        self.index = index


class Extract(Protocol):
    """Finds the memories in one turn; called from one thread, and may block."""

    def __call__(
        self, turn: Turn, context: Sequence[Turn], setting: Setting, /
    ) -> tuple[Finding, ...]:
        """The memories in `turn`; `context` holds the turns before it, oldest first."""
        ...


Read = Callable[[str, Collection[str]], Reading]
"""Reads one memory's sentence, given the names of people whom it may be about; called from one
thread, and may block."""


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Loaded rules: what runs them, their name and version, and how many turns before count."""

    extract: Extract
    version: str
    context_turns: int
    read: Read


@dataclass(frozen=True, slots=True)
class Task:
    """One message to extract from, the turns before it, and what else matters."""

    turn: Turn
    context: tuple[Turn, ...]
    setting: Setting = PLAIN


class RulesWorker:
    """Runs rules in a thread of its own, for any number of callers on one event loop.

    Callers take turns message by message, so nobody waits for the whole of somebody's long delta.
    """

    def __init__(
        self, load: Callable[[], Ruleset], *, limit: int, depth_changed: Callable[[int], object]
    ) -> None:
        """`load` runs in the thread at `warm`; `limit` bounds the messages that wait."""
        self._load = load
        self._limit = limit
        self._depth_changed = depth_changed
        self._depth = 0
        self._ruleset: Ruleset | None = None
        self._stopping = False
        self.condition = Condition()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rules")

    @property
    def ready(self) -> bool:
        """Whether `extract` takes calls."""
        return self._ruleset is not None and not self._stopping

    @property
    def busy(self) -> bool:
        """Whether so much waits that callers should hold back."""
        return self._depth > self._limit * _HIGH_WATER

    @property
    def ruleset(self) -> Ruleset:
        """The rules; raises `NotServing` unless `ready`."""
        if self._ruleset is None or self._stopping:
            raise NotServing
        return self._ruleset

    async def warm(self) -> None:
        """Load the rules. Raises whatever `load` raises."""
        self._ruleset = await asyncio.get_running_loop().run_in_executor(self._thread, self._load)

    async def extract(self, tasks: Sequence[Task]) -> list[tuple[Finding, ...]]:
        """What is found in each message, in order.

        Raises `RulesQueueFull` at once, `RulesFailed` for the first message that cannot be
        extracted from, `NotServing` before `warm` and after `stop`. Cancelled, it gives up all but
        the message that is running.
        """
        extract = partial(self._held, self.ruleset.extract)
        return await self._each(
            [partial(extract, task.turn, task.context, task.setting) for task in tasks]
        )

    async def read(self, groups: Sequence[Sentences]) -> list[list[Reading]]:
        """What each sentence says, in order; a group counts as a message, and fails as one.

        Raises as `extract`.
        """
        read = partial(self._held, self.ruleset.read)
        return await self._each([partial(_read_all, read, group) for group in groups])

    def stop(self) -> None:
        """Take no more calls, and let the thread end with the message that is running."""
        self._stopping = True
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _each(self, calls: Sequence[Callable[[], Result]]) -> list[Result]:
        waiting = len(calls)
        self._admit(waiting)
        try:
            results = []
            for index, call in enumerate(calls):
                results.append(await self._run(index, call))
                waiting -= 1
                self._change_depth(-1)
            return results
        finally:
            self._change_depth(-waiting)

    def _admit(self, messages: int) -> None:
        # A delta longer than the limit is taken while nothing waits: refused always, its caller
        # would try again for ever.
        if self._depth and self._depth + messages > self._limit:
            raise RulesQueueFull
        self._change_depth(messages)

    def _change_depth(self, messages: int) -> None:
        self._depth += messages
        self._depth_changed(self._depth)

    async def _run(self, index: int, call: Callable[[], Result]) -> Result:
        loop = asyncio.get_running_loop()
        if self._stopping:
            raise NotServing
        running = loop.run_in_executor(self._thread, call)
        try:
            return await running
        except Exception as error:
            raise RulesFailed(index) from error

    def _held(self, call: Callable[..., Result], *asked: Any) -> Result:
        """Runs in the thread; each text is timed for itself, since a group may have many."""
        with self.condition.running():
            return call(*asked)


def _read_all(read: Read, group: Sentences) -> list[Reading]:
    return [read(text, group.people) for text in group.texts]
