"""Change memories that are there, and bring back what they were."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from memory_service.attempts import until_written
from memory_service.clock import Clock
from memory_service.deadline import Deadline
from memory_service.domain import updating
from memory_service.domain.changes import OwnerState, Plan
from memory_service.domain.errors import (
    EtagMismatch,
    MemoryExists,
    MemoryNotFound,
)
from memory_service.domain.memory import Memory, embedded_text, fact_digest
from memory_service.domain.owner import Owner
from memory_service.domain.requests import RequestKey
from memory_service.domain.updating import Edit
from memory_service.embedding import WRITE_SHARE, EmbeddingClient
from memory_service.keyed_locks import KeyedLocks
from memory_service.store import answers
from memory_service.store.answers import Changed
from memory_service.store.history import MemoryHistory
from memory_service.store.memories import Fence, MemoryStore

Editor = Callable[[Memory | None, OwnerState], Edit]
"""Decides the change of a memory, None if it is not there."""


class MemoryUpdates:
    """Each change leaves the state before in the memory's history."""

    def __init__(
        self,
        store: MemoryStore,
        history: MemoryHistory,
        embedding: EmbeddingClient,
        locks: KeyedLocks[Owner],
        clock: Clock,
    ) -> None:
        self._store = store
        self._history = history
        self._embedding = embedding
        self._locks = locks
        self._clock = clock

    async def update(
        self,
        owner: Owner,
        memory_id: str,
        values: Mapping[str, Any],
        *,
        etag: str,
        request: RequestKey | None,
        time_left: float | None = None,
    ) -> Changed:
        """Give a memory new `values`, by the names of its fields.

        `time_left` is up to the caller's deadline, in seconds.
        Raises Contention, EtagMismatch, MemoryExists, MemoryNotFound, RequestIdReused.
        """
        deadline = Deadline.after(time_left)
        if (first := await self._store.remembered(owner, request)) is not None:
            return answers.unpack_changed(owner, first)
        vector = await self._vector(values["text"], deadline) if "text" in values else None

        def edit(current: Memory | None, state: OwnerState) -> Edit:
            if current is None:
                raise MemoryNotFound
            return updating.update(current, values, vector, state, self._clock.now())

        return await self._change(owner, memory_id, edit, etag, request)

    async def restore(
        self,
        owner: Owner,
        memory_id: str,
        revision: int,
        *,
        etag: str,
        request: RequestKey | None,
        time_left: float | None = None,
    ) -> Changed:
        """Make a memory again what it was at `revision`, or, with 0, before its last change.

        `time_left` is up to the caller's deadline, in seconds.
        Raises Contention, EtagMismatch, MemoryExists, MemoryNotFound, RequestIdReused.
        """
        deadline = Deadline.after(time_left)
        if (first := await self._store.remembered(owner, request)) is not None:
            return answers.unpack_changed(owner, first)
        target = await self._target(owner, memory_id, revision)
        vector = await self._vector(embedded_text(target.text, target.turn), deadline)

        def edit(current: Memory | None, state: OwnerState) -> Edit:
            return updating.restore(target, current, vector, state, self._clock.now())

        return await self._change(owner, memory_id, edit, etag, request)

    async def _target(self, owner: Owner, memory_id: str, revision: int) -> Memory:
        """Return the state to restore: an earlier one, or the one that the memory is in."""
        if (earlier := await self._history.find(owner, memory_id, revision)) is not None:
            return earlier.memory
        current = (await self._store.get(owner, [memory_id])).get(memory_id)
        if current is None or current.revision != revision:
            raise MemoryNotFound
        return current

    async def _vector(self, text: str, deadline: Deadline) -> bytes | None:
        vectors = await self._embedding.documents([text], within=deadline.share(WRITE_SHARE))
        return vectors[0] if vectors else None

    async def _change(
        self,
        owner: Owner,
        memory_id: str,
        edit_for: Editor,
        etag: str,
        request: RequestKey | None,
    ) -> Changed:
        async def attempt() -> Changed | None:
            known = await self._store.known(owner, (), [memory_id])
            current = known.by_id.get(memory_id)
            edit = edit_for(current, known.state)
            if etag and (current is None or current.etag != etag):
                raise EtagMismatch
            await self._check_unique(owner, edit.plan)
            answer = answers.pack_changed(Changed(edit.memory, edit.plan.state.revision))
            written = await self._store.commit(
                owner, edit.plan, base=known.state, answer=answer, request=request
            )
            return None if isinstance(written, Fence) else answers.unpack_changed(owner, written)

        async with self._locks.hold(owner):
            return await until_written(attempt)

    async def _check_unique(self, owner: Owner, plan: Plan) -> None:
        for change in plan.changes:
            digest = fact_digest(change.memory)
            same = (await self._store.known(owner, [digest], ())).by_digest.get(digest)
            if same is not None and same.id != change.memory.id and change.memory.current:
                raise MemoryExists
