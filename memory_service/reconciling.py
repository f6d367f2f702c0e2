"""Take new memories into what their owner knows, asking what the found ones are to known ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from memory_service.clock import Clock
from memory_service.domain.changes import OwnerState, Plan
from memory_service.domain.learned_late import NO_PAST, Past
from memory_service.domain.memory import FACTS, NewMemory, fact_digest
from memory_service.domain.neighbors import NEAREST, Found, is_open, of_then, questions, stale
from memory_service.domain.owner import Owner
from memory_service.domain.planning import Known, Planner
from memory_service.domain.reconcile import reconcile, take, take_found, take_turn
from memory_service.domain.verdicts import ADD, Neighbor, Question, Verdict
from memory_service.reconciler import MAX_QUESTIONS, Reconciler
from memory_service.store.memories import MemoryStore
from memory_service.store.search import MemorySearch


class Reconciling:
    """Makes plans. What they are made from is read after the revision that they build on."""

    def __init__(
        self, memories: MemoryStore, search: MemorySearch, reconciler: Reconciler, clock: Clock
    ) -> None:
        self._memories = memories
        self._search = search
        self._reconciler = reconciler
        self._clock = clock

    async def plan_given(self, owner: Owner, given: Sequence[NewMemory]) -> tuple[Plan, OwnerState]:
        """Plan how a caller's memories are taken in, and say on top of what.

        Raises SearchTimeout.
        """
        known, _ = await self._known(owner, given, ())
        return reconcile(owner, given, known, self._clock.now()), known.state

    async def plan(
        self,
        owner: Owner,
        given: Sequence[NewMemory],
        found: Sequence[NewMemory],
        turns: Sequence[NewMemory] = (),
    ) -> tuple[Plan, OwnerState]:
        """Plan how turns, memories of callers, then those that were found, are taken in.

        None of the callers' is left out because its id is in use. Raises ExtractorUnavailable,
        SearchTimeout.
        """
        known, near = await self._known(owner, given, found, turns)
        planner = Planner(owner, known, self._clock.now())
        for turn in turns:
            take_turn(planner, turn)
        for new in given:
            take(planner, new, rename=True)
        while near:
            near = near[await self._take(planner, near[:MAX_QUESTIONS]) :]
        return planner.plan(()), known.state

    async def _take(self, planner: Planner, found: Sequence[Found]) -> int:
        """Take in the first of `found`, and those after it while what they were asked about holds.

        Returns how many these are.
        """
        asked = questions(planner, found)
        verdicts = await self._verdicts(planner, asked)
        for place, (question, verdict) in enumerate(zip(asked, verdicts, strict=True)):
            # The first was asked about what is there: the rest is asked again, in any case.
            if is_open(planner, question) and stale(planner, question):
                return place
            take_found(planner, question.new, verdict, await self._past(planner, question.new))
        return len(asked)

    async def _verdicts(self, planner: Planner, asked: Sequence[Question]) -> list[Verdict]:
        """Return a verdict for each question; only those that are open are asked."""
        places = [place for place, each in enumerate(asked) if is_open(planner, each)]
        verdicts = [ADD] * len(asked)
        if places:
            given = await self._reconciler.judge([asked[place] for place in places])
            for place, verdict in zip(places, given, strict=True):
                verdicts[place] = verdict
        return verdicts

    async def _past(self, planner: Planner, new: NewMemory) -> Past:
        """Return what a fact that was learned late is to each of its slot; of others, nothing."""
        members = of_then(planner, new)
        if not members:
            return NO_PAST
        # Within a slot it does not matter how near they are.
        asked = [Question(new, (Neighbor(member, 0.0),)) for member in members]
        verdicts = await self._reconciler.judge(asked)
        return {member.id: verdict for member, verdict in zip(members, verdicts, strict=True)}

    async def _known(
        self,
        owner: Owner,
        given: Sequence[NewMemory],
        found: Sequence[NewMemory],
        turns: Sequence[NewMemory] = (),
    ) -> tuple[Known, list[Found]]:
        """Return what is known that the new memories may have to do with."""
        new = [*given, *found]
        digests = [fact_digest(memory) for memory in (*new, *turns)]
        ids = [id_ for memory in (*new, *turns) for id_ in (memory.id, *memory.supersedes) if id_]
        known = await self._memories.known(owner, digests, ids)
        compared = [memory for memory in found if _compared(memory, known)]
        of_slot, nearest = await self._search.near(
            owner,
            slots=list(dict.fromkeys(memory.slot for memory in new if memory.slot)),
            vectors=[memory.vector for memory in compared if memory.vector],
            k=NEAREST,
        )
        candidates = {m.id: stored for m, stored in zip(compared, nearest, strict=True)}
        there = [*of_slot, *(c.memory for stored in nearest for c in stored)]
        by_id = {**{memory.id: memory for memory in there}, **known.by_id}
        return replace(known, by_id=by_id), [Found(m, candidates.get(m.id, ())) for m in found]


def _compared(memory: NewMemory, known: Known) -> bool:
    """Whether what is near a new fact matters."""
    if memory.vector is None or memory.untrusted or memory.type not in FACTS:
        return False
    return memory.id not in known.by_id and fact_digest(memory) not in (
        known.by_digest.keys() | known.deleted
    )
