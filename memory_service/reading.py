"""Read a session for a model: its newest messages that fit, and a summary of those before."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from memory_service.domain.budget import Fitted, fit
from memory_service.domain.owner import SessionRef
from memory_service.domain.prompt import ends_with
from memory_service.domain.session import Message, Summary
from memory_service.domain.sizes import newest_that_fit
from memory_service.store.sessions import SessionStore, Whole
from memory_service.summarizing import Summarizing
from memory_service.tokens import CounterOnDemand

ROUNDS = 6
"""How often the summary is made to reach the first message that fits beside it: a summary that has
grown may push that message out."""

SUMMARY_SECONDS = 5.0
"""How long a reader waits at most for a summary to be brought up to date."""

SUMMARY_SHARE = 0.5
"""How much of the time left it may take."""


@dataclass(frozen=True, slots=True)
class Read:
    """A session; its newest messages that fit; a summary if there are others before them.

    A summary that has no room says only how far it reaches. `fitted` says what was counted; None
    without a budget.
    """

    whole: Whole
    messages: tuple[Message, ...]
    summary: Summary
    fitted: Fitted | None = None


@dataclass(frozen=True, slots=True)
class _Room:
    """Tokens for messages and summary, those around a summary, and what takes none of them."""

    budget: int
    frame: int
    newest_counted: bool


class Reading:
    """Reads sessions."""

    def __init__(
        self, sessions: SessionStore, summarizing: Summarizing, counters: CounterOnDemand
    ) -> None:
        self._sessions = sessions
        self._summarizing = summarizing
        self._counters = counters

    async def read(
        self,
        ref: SessionRef,
        count: int,
        *,
        budget: int | None,
        time_left: float | None,
        frame: int = 0,
        query: str | None = None,
    ) -> Read:
        """Return the session with at most `count` messages, of at most `budget` tokens.

        A summary is counted with `frame` tokens around it. A newest message that is the `query`
        takes none: whoever asks has counted it. Raises SessionNotFound.
        """
        whole = await self._sessions.whole(ref, count)
        newest = newest_that_fit(whole.messages, whole.notes.data) if whole.messages else ()
        if budget is None:
            missing = len(newest) < whole.session.tail
            return Read(whole, newest, whole.summary if missing else Summary())
        counted = query is not None and ends_with(newest, query)
        return await self._within(whole, newest, _Room(budget, frame, counted), time_left)

    async def read_back(self, ref: SessionRef, count: int, *, before: int) -> Read:
        """Return the session with at most `count` messages, the newest before this sequence.

        There is at least one if there are any. Raises SessionNotFound.
        """
        whole = await self._sessions.whole(ref, count, before=before)
        newest = newest_that_fit(whole.messages, whole.notes.data) if whole.messages else ()
        return Read(whole, newest, Summary())

    async def _within(
        self,
        whole: Whole,
        newest: tuple[Message, ...],
        room: _Room,
        time_left: float | None,
    ) -> Read:
        summary = whole.summary
        share = SUMMARY_SECONDS if time_left is None else time_left * SUMMARY_SHARE
        clock = asyncio.get_running_loop().time
        deadline = clock() + min(share, SUMMARY_SECONDS)
        fitted = await self._fit(whole, newest, room, summary)
        for _ in range(ROUNDS):
            before = whole.session.tail - len(fitted.messages)
            if summary.through >= before or clock() >= deadline:
                break
            summary = await self._reach(whole, summary, before, deadline)
            fitted = await self._fit(whole, newest, room, summary)
        missing = len(fitted.messages) < whole.session.tail
        shown = replace(summary, text=fitted.summary) if missing else Summary()
        return Read(whole, fitted.messages, shown, fitted)

    async def _reach(
        self, whole: Whole, summary: Summary, through: int, deadline: float
    ) -> Summary:
        try:
            async with asyncio.timeout_at(deadline):
                return await self._summarizing.reach(whole.session, summary, through)
        except TimeoutError:
            # What was made meanwhile has been kept.
            after = await self._sessions.whole(whole.session.ref, 0)
            return after.summary

    async def _fit(
        self, whole: Whole, newest: tuple[Message, ...], room: _Room, summary: Summary
    ) -> Fitted:
        counter = await self._counters.get()
        return await asyncio.to_thread(
            fit,
            newest,
            room.budget,
            counter.count,
            summary.text,
            earlier=len(newest) < whole.session.tail,
            frame=room.frame,
            counted=room.newest_counted,
        )
