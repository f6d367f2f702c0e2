"""Forget what is old, has not been used for long, or is too much."""

from __future__ import annotations

from collections.abc import Sequence

from memory_service.clock import Clock
from memory_service.domain.changes import Cause
from memory_service.domain.errors import Contention
from memory_service.domain.filters import Filter, TimeField, TimeRange
from memory_service.domain.forgetting import Limits, Standing, to_forget
from memory_service.domain.owner import Owner
from memory_service.domain.requests import Job, RequestKey
from memory_service.domain.search import Selection
from memory_service.jobs import Chosen, Jobs
from memory_service.store import answers
from memory_service.store.answers import Forgotten
from memory_service.store.jobs import SAMPLE
from memory_service.store.memories import MemoryStore
from memory_service.store.search import MemorySearch
from memory_service.store.use import UseStore

BATCH = 256
ROUNDS = 10
"""How often is looked again because something was used or pinned meanwhile."""


class Forgetting:
    """Decides over all of an owner's facts, then forgets batch by batch.

    What is used, pinned or changed between the decision and its batch is left to the next round,
    which decides anew. A use counts from when it is noted in Redis, a few seconds after it.
    """

    def __init__(
        self, store: MemoryStore, uses: UseStore, search: MemorySearch, jobs: Jobs, clock: Clock
    ) -> None:
        self._store = store
        self._uses = uses
        self._search = search
        self._jobs = jobs
        self._clock = clock

    async def forget(
        self, owner: Owner, limits: Limits, *, confirm: bool, request: RequestKey | None
    ) -> Forgotten:
        """Forget, or only count without `confirm`; a repeat after a break goes on.

        Raises Contention, RequestIdReused, SearchTimeout.
        """
        if (first := await self._store.remembered(owner, request)) is not None:
            return answers.unpack_forgotten(first)
        await self._complete(owner)
        if not confirm:
            return await self._count(owner, limits)
        job = await self._jobs.begin(owner, request)
        for _ in range(ROUNDS):
            if not (chosen := await self._chosen(owner, limits, job.began)):
                answer = await self._jobs.finish(owner, request, job, _answer)
                return answers.unpack_forgotten(answer)
            done = await self._round(owner, request, job, chosen)
            if isinstance(done, bytes):
                return answers.unpack_forgotten(done)
            job = done
        raise Contention

    async def _complete(self, owner: Owner) -> None:
        """Make sure that every fact is known to the set that is gone by."""
        noted, _ = await self._uses.summary(owner)
        if noted != await self._search.count(Selection((owner,))):
            await self._uses.fill(owner)

    async def _count(self, owner: Owner, limits: Limits) -> Forgotten:
        state = await self._store.state(owner)
        chosen = await self._chosen(owner, limits, self._clock.now())
        return Forgotten(len(chosen), tuple(each.id for each in chosen[:SAMPLE]), state.revision)

    async def _chosen(self, owner: Owner, limits: Limits, now: int) -> list[Standing]:
        if not await self._any_beyond(owner, limits, now):
            return []
        return to_forget(await self._uses.standings(owner), limits, now)

    async def _any_beyond(self, owner: Owner, limits: Limits, now: int) -> bool:
        """Tell whether any memory, be it a pinned one, may be beyond a limit; it costs little."""
        count, oldest = await self._uses.summary(owner)
        if oldest is None:
            return False
        if limits.max_memories is not None and count > limits.max_memories:
            return True
        if limits.max_inactivity is not None and oldest < now - limits.max_inactivity:
            return True
        if limits.max_age is None:
            return False
        old = TimeRange(TimeField.CREATE_TIME, end=now - limits.max_age)
        return await self._search.count(Selection((owner,), filter=Filter(must=(old,)))) > 0

    async def _round(
        self, owner: Owner, request: RequestKey | None, job: Job, chosen: Sequence[Standing]
    ) -> Job | bytes:
        """Forget what was chosen, as far as it is still as it was then."""
        for start in range(0, len(chosen), BATCH):
            part = {each.id: each for each in chosen[start : start + BATCH]}

            async def unchanged(part: dict[str, Standing] = part) -> Chosen:
                known = await self._store.known(owner, (), list(part))
                used = await self._uses.used(owner, list(part))
                found = [
                    memory
                    for memory in known.by_id.values()
                    if memory.id in used
                    and part[memory.id]
                    == Standing(memory.id, memory.created, used[memory.id], memory.pinned)
                ]
                return Chosen(found, known.state, used)

            done = await self._jobs.delete(owner, request, job, Cause.FORGET, unchanged)
            if isinstance(done, bytes):
                return done
            job = done
        return job


def _answer(job: Job, revision: int) -> bytes:
    return answers.pack_forgotten(Forgotten(job.done, job.sample, revision))
