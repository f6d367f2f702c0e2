"""Long-term memory: create, read, delete, list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from memory_service.attempts import until_written
from memory_service.clock import Clock
from memory_service.deadline import Deadline
from memory_service.domain.changes import Cause, OwnerState
from memory_service.domain.deleting import delete
from memory_service.domain.errors import EtagMismatch, MemoryNotFound
from memory_service.domain.memory import Memory, NewMemory
from memory_service.domain.owner import Owner
from memory_service.domain.requests import Job, RequestKey
from memory_service.domain.search import Selection
from memory_service.embedding import WRITE_SHARE, EmbeddingClient
from memory_service.jobs import Chosen, Jobs
from memory_service.keyed_locks import KeyedLocks
from memory_service.reconciling import Reconciling
from memory_service.store import answers
from memory_service.store.answers import Created, Deleted
from memory_service.store.memories import Fence, MemoryStore
from memory_service.store.search import MemorySearch

DELETE_BATCH = 256


class LongTermMemory:
    """The caller's own hand on an owner's memories."""

    def __init__(
        self,
        store: MemoryStore,
        search: MemorySearch,
        embedding: EmbeddingClient,
        reconciling: Reconciling,
        locks: KeyedLocks[Owner],
        clock: Clock,
    ) -> None:
        self._store = store
        self._search = search
        self._embedding = embedding
        self._reconciling = reconciling
        self._locks = locks
        self._clock = clock
        self._jobs = Jobs(store, locks, clock)

    async def create(
        self,
        owner: Owner,
        new: Sequence[NewMemory],
        request: RequestKey | None,
        *,
        time_left: float | None = None,
    ) -> Created:
        """Store `new`, with vectors if the extractor answers.

        `time_left` is up to the caller's deadline, in seconds. Raises Contention, RequestIdReused,
        SearchTimeout.
        """
        deadline = Deadline.after(time_left)
        if (first := await self._store.remembered(owner, request)) is not None:
            return answers.unpack_created(owner, first)
        texts = [memory.text for memory in new]
        vectors = await self._embedding.documents(texts, within=deadline.share(WRITE_SHARE))
        if vectors is not None:
            new = [replace(memory, vector=v) for memory, v in zip(new, vectors, strict=True)]

        async def attempt() -> Created | None:
            plan, base = await self._reconciling.plan_given(owner, new)
            answer = answers.pack_created(Created(plan.decisions, plan.state.revision))
            written = await self._store.commit(
                owner, plan, base=base, answer=answer, request=request
            )
            return None if isinstance(written, Fence) else answers.unpack_created(owner, written)

        async with self._locks.hold(owner):
            return await until_written(attempt)

    async def get(self, owner: Owner, memory_id: str) -> Memory:
        """Return one memory. Raises MemoryNotFound."""
        found = await self._store.get(owner, [memory_id])
        if memory_id not in found:
            raise MemoryNotFound
        return found[memory_id]

    async def get_many(self, owner: Owner, ids: Sequence[str]) -> tuple[list[Memory], list[str]]:
        """Return those of the memories that are there, each once, and the ids of the others."""
        wanted = list(dict.fromkeys(ids))
        found = await self._store.get(owner, wanted)
        return [found[i] for i in wanted if i in found], [i for i in wanted if i not in found]

    async def delete(
        self,
        owner: Owner,
        ids: Sequence[str],
        *,
        etag: str,
        dry_run: bool,
        request: RequestKey | None,
    ) -> Deleted:
        """Delete those of the memories that are there.

        Raises Contention, EtagMismatch, RequestIdReused.
        """
        if (first := await self._store.remembered(owner, request)) is not None:
            return answers.unpack_deleted(first)

        async def attempt() -> Deleted | None:
            known = await self._store.known(owner, (), ids)
            found = [known.by_id[i] for i in dict.fromkeys(ids) if i in known.by_id]
            if etag and any(memory.etag != etag for memory in found):
                raise EtagMismatch
            missing = tuple(i for i in dict.fromkeys(ids) if i not in known.by_id)
            if dry_run:
                return Deleted(len(found), missing, known.state.revision)
            return await self._commit_deletion(owner, found, missing, known.state, request)

        async with self._locks.hold(owner):
            return await until_written(attempt)

    async def delete_matching(
        self, selection: Selection, *, dry_run: bool, request: RequestKey | None
    ) -> Deleted:
        """Delete what matches, batch by batch; a repeat after a break goes on where it broke off.

        Raises Contention, RequestIdReused, SearchTimeout.
        """
        (owner,) = selection.owners
        if (first := await self._store.remembered(owner, request)) is not None:
            return answers.unpack_deleted(first)
        if dry_run:
            count = await self._search.count(selection)
            return Deleted(count, (), (await self._store.state(owner)).revision)
        job = await self._jobs.begin(owner, request)
        while ids := await self._search.ids(selection, DELETE_BATCH):
            done = await self._jobs.delete(
                owner, request, job, Cause.DELETE, partial(self._found, owner, ids)
            )
            if isinstance(done, bytes):
                return answers.unpack_deleted(done)
            job = done
        return answers.unpack_deleted(await self._jobs.finish(owner, request, job, _answer))

    async def _found(self, owner: Owner, ids: Sequence[str]) -> Chosen:
        known = await self._store.known(owner, (), ids)
        return Chosen(list(known.by_id.values()), known.state)

    async def _commit_deletion(
        self,
        owner: Owner,
        found: Sequence[Memory],
        missing: tuple[str, ...],
        base: OwnerState,
        request: RequestKey | None,
    ) -> Deleted | None:
        now = self._clock.now()
        plan = delete(found, base, now)
        answer = answers.pack_deleted(Deleted(len(found), missing, plan.state.revision))
        # As a job that is done at once: the id of one that is under way is taken.
        written = await self._store.commit(
            owner, plan, base=base, answer=answer, request=request, job=Job(now)
        )
        return None if isinstance(written, Fence) else answers.unpack_deleted(written)


def _answer(job: Job, revision: int) -> bytes:
    return answers.pack_deleted(Deleted(job.done, (), revision))
