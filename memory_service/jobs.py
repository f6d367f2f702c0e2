"""Deletions that need many commits and are answered once.

With a request id, every commit counts what it deletes in the job's record. So a call that was
broken off goes on where it was, on whatever server, two at the same time count nothing twice, and
the one that finishes answers for all of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from memory_service.attempts import until_written
from memory_service.cancellation import check_cancelled
from memory_service.clock import Clock
from memory_service.domain.changes import Cause, OwnerState, Plan
from memory_service.domain.deleting import delete
from memory_service.domain.memory import Memory
from memory_service.domain.owner import Owner
from memory_service.domain.requests import Job, RequestKey
from memory_service.keyed_locks import KeyedLocks
from memory_service.store.jobs import SAMPLE
from memory_service.store.memories import Fence, MemoryStore


@dataclass(frozen=True, slots=True)
class Chosen:
    """Memories to delete, as they are in this state of the owner.

    Given `used`, they are deleted only if that is when they were last used.
    """

    memories: Sequence[Memory]
    state: OwnerState
    used: Mapping[str, int] | None = None


Choose = Callable[[], Awaitable[Chosen]]
Pack = Callable[[Job, int], bytes]
"""Makes the answer of all that a job has done, and the owner's revision."""


class Jobs:
    """Knows how far they have come."""

    def __init__(self, store: MemoryStore, locks: KeyedLocks[Owner], clock: Clock) -> None:
        self._store = store
        self._locks = locks
        self._clock = clock

    async def begin(self, owner: Owner, request: RequestKey | None) -> Job:
        """Return how far the request has come, so far not at all. Raises RequestIdReused."""
        return await self._store.job(owner, request, now=self._clock.now())

    async def delete(
        self, owner: Owner, request: RequestKey | None, job: Job, cause: Cause, choose: Choose
    ) -> Job | bytes:
        """Delete what `choose` chooses; return the job with that, or its answer if it has one.

        Raises Contention, RequestIdReused.
        """

        async def attempt() -> Job | bytes | None:
            check_cancelled()
            chosen = await choose()
            if not chosen.memories:
                return job
            plan = delete(chosen.memories, chosen.state, self._clock.now(), cause)
            written = await self._store.commit(
                owner, plan, base=chosen.state, request=request, job=job, used=chosen.used
            )
            if isinstance(written, Fence):
                return None
            return written or _with(job, [memory.id for memory in chosen.memories])

        async with self._locks.hold(owner):
            return await until_written(attempt)

    async def finish(self, owner: Owner, request: RequestKey | None, job: Job, pack: Pack) -> bytes:
        """Return the answer, the first one that was given. Raises Contention, RequestIdReused."""

        async def attempt() -> bytes | None:
            # Whoever deletes more after this moves the revision.
            state = await self._store.state(owner)
            whole = await self._store.job(owner, request, now=job.began) if request else job
            written = await self._store.commit(
                owner,
                Plan((), (), state),
                base=state,
                answer=pack(whole, state.revision),
                request=request,
                job=whole,
            )
            return None if isinstance(written, Fence) else written

        async with self._locks.hold(owner):
            return await until_written(attempt)


def _with(job: Job, ids: Sequence[str]) -> Job:
    return replace(job, done=job.done + len(ids), sample=(*job.sample, *ids)[:SAMPLE])
