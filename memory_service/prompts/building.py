"""Build prompts: find memories, read the session, and keep what there is room for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from memory_service.domain.errors import InvalidField
from memory_service.domain.owner import SessionRef
from memory_service.domain.searching import Hit, SearchQuery, SearchResult
from memory_service.prompts.draft import Draft, Form
from memory_service.prompts.pairing import paired
from memory_service.prompts.response_room import memories_that_fit, messages_that_fit
from memory_service.prompts.selection import (
    Talk,
    costs_of,
    first_within,
    summary_frame,
    talk_tokens,
)
from memory_service.reading import Reading
from memory_service.search import Search
from memory_service.tokens import CounterOnDemand
from memory_service.trust import trusted_only, without_untrusted

NOTHING = SearchResult((), degraded=False, revision=0)

TimeLeft = Callable[[], float | None]
"""Tells how many seconds there are up to the caller's deadline."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How many tokens a prompt may have, and the field of the request that says so."""

    tokens: int
    field: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a prompt is to be made of; without `search` no memories, without `session` no talk."""

    query: str
    instructions: str = ""
    search: SearchQuery | None = None
    include_untrusted: bool = False
    session: SessionRef | None = None
    recent: int = 0
    budget: Budget | None = None
    forms: frozenset[Form] = frozenset()


@dataclass(frozen=True, slots=True)
class Built:
    """A prompt, what it takes, and what had no room. `tokens` is None without a budget."""

    draft: Draft
    degraded: bool
    left_out: tuple[Hit, ...]
    left_out_messages: int
    tokens: int | None = None


class Prompts:
    """Makes prompts of what is remembered and what was said."""

    def __init__(self, search: Search, reading: Reading, counters: CounterOnDemand) -> None:
        self._search = search
        self._reading = reading
        self._counters = counters

    async def build(self, wanted: Wanted, time_left: TimeLeft) -> Built:
        """Return a prompt that is within the budget.

        Raises InvalidField if query and instructions alone are not, and what Search.find and
        Reading.read raise.
        """
        found = await self._found(wanted, time_left())
        hits = memories_that_fit(found.hits, len(wanted.forms))
        draft = Draft(wanted.query, wanted.instructions, hits)
        if wanted.budget is None:
            talk = await self._talk(wanted, hits, time_left())
            draft = replace(draft, recent=talk.recent, summary=talk.summary)
            return _built(draft, found, talk)
        planned, talk = await self._within(draft, wanted, time_left)
        counter = await self._counters.get()
        final, tokens = await asyncio.to_thread(
            first_within, planned, wanted.budget.tokens, counter.count, wanted.forms
        )
        return replace(_built(final, found, talk), tokens=tokens)

    async def _found(self, wanted: Wanted, time_left: float | None) -> SearchResult:
        if wanted.search is None:
            return NOTHING
        if wanted.include_untrusted:
            return await self._search.find(wanted.search, time_left=time_left)
        found = await self._search.find(trusted_only(wanted.search), time_left=time_left)
        return without_untrusted(found)

    async def _within(
        self, whole: Draft, wanted: Wanted, time_left: TimeLeft
    ) -> tuple[Draft, Talk]:
        """Return a draft of about the budget's size: memories take half, and what is left."""
        budget = wanted.budget
        assert budget is not None
        count = (await self._counters.get()).count
        bare = Draft(wanted.query, wanted.instructions)
        fixed = await asyncio.to_thread(bare.tokens, count, wanted.forms)
        if fixed > budget.tokens:
            raise InvalidField(budget.field, "is too small for the query and the instructions")
        room = budget.tokens - fixed
        costs = await asyncio.to_thread(costs_of, whole.hits, count)
        chosen = costs.chosen(room // 2 if wanted.session else room)
        talk = await self._talk(
            wanted,
            whole.hits,
            time_left(),
            budget=room - costs.of(chosen),
            frame=summary_frame(count),
        )
        said = await asyncio.to_thread(talk_tokens, talk, count, wanted.query)
        chosen = costs.chosen(room - said, chosen)
        hits = tuple(whole.hits[i] for i in sorted(chosen))
        return replace(whole, hits=hits, recent=talk.recent, summary=talk.summary), talk

    async def _talk(
        self,
        wanted: Wanted,
        beside: Sequence[Hit],
        time_left: float | None,
        *,
        budget: int | None = None,
        frame: int = 0,
    ) -> Talk:
        if wanted.session is None:
            return Talk()
        read = await self._reading.read(
            wanted.session,
            wanted.recent,
            budget=budget,
            time_left=time_left,
            frame=frame,
            query=wanted.query,
        )
        fitting = messages_that_fit(read.messages, beside, len(wanted.forms))
        recent = tuple(paired(fitting))
        return Talk(recent, read.summary, min(wanted.recent, read.whole.session.tail))


def _built(draft: Draft, found: SearchResult, talk: Talk) -> Built:
    shown = {(hit.memory.owner, hit.memory.id) for hit in draft.hits}
    left = tuple(hit for hit in found.hits if (hit.memory.owner, hit.memory.id) not in shown)
    return Built(draft, found.degraded, left, talk.asked - len(draft.recent))
