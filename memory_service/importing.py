"""Import what was exported: record by record, as often as one likes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from memory_service.attempts import until_written
from memory_service.clock import Clock
from memory_service.domain.changes import Earlier
from memory_service.domain.importing import Intake, Standing, take_in
from memory_service.domain.memory import Memory, fact_digest
from memory_service.domain.owner import Owner
from memory_service.domain.transfer import (
    Counts,
    DeletedFact,
    MemoryRecord,
    Record,
    SessionHead,
    SessionRecord,
    Verdict,
    Waiting,
)
from memory_service.keyed_locks import KeyedLocks
from memory_service.revisions import Revisions
from memory_service.store.commits import Imported
from memory_service.store.history import MemoryHistory
from memory_service.store.memories import Fence, MemoryStore
from memory_service.store.session_imports import SessionImports, SessionRun


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """What became of all records so far, and the owner's revision."""

    counts: Counts
    revision: int


class Importing:
    """Makes imports, each of which takes one stream in."""

    def __init__(
        self,
        memories: MemoryStore,
        history: MemoryHistory,
        sessions: SessionImports,
        revisions: Revisions,
        locks: KeyedLocks[Owner],
        clock: Clock,
    ) -> None:
        self.memories = memories
        self.history = history
        self.sessions = sessions
        self.revisions = revisions
        self.locks = locks
        self.clock = clock

    def begin(self, owner: Owner) -> Import:
        """Return an import into this owner."""
        return Import(owner, self)


class Import:
    """One stream. What a record belongs to may have come in an earlier batch."""

    def __init__(self, owner: Owner, parts: Importing) -> None:
        self._owner = owner
        self._parts = parts
        self._counts = Counts()
        self._standing: Standing | None = None
        self._session = _OpenSession()

    async def take(self, records: Sequence[Record]) -> ImportProgress:
        """Store what is not there of the records. Raises Contention.

        Memories first, in one step, then sessions: a batch that is broken off may be sent again.
        """
        about_memories = [r for r in records if isinstance(r, MemoryRecord)]
        if about_memories:
            complete = not isinstance(records[-1], Memory | Earlier)
            await self._take_memories(about_memories, complete)
        for run in _runs([r for r in records if isinstance(r, SessionRecord)]):
            await self._take_run(run)
        revision = await self._parts.revisions.reached(self._owner, 0)
        return ImportProgress(self._counts, revision)

    async def _take_memories(self, records: Sequence[MemoryRecord], complete: bool) -> None:
        async def attempt() -> Intake | None:
            return await self._attempt(records, complete)

        async with self._parts.locks.hold(self._owner):
            intake = await until_written(attempt)
        self._counts += intake.counts
        self._standing = intake.standing

    async def _attempt(self, records: Sequence[MemoryRecord], complete: bool) -> Intake | None:
        store, now = self._parts.memories, self._parts.clock.now()
        ids = [r.id for r in records if isinstance(r, Memory)]
        if self._standing:
            ids.append(self._standing.memory_id)
        known = await store.known(self._owner, _digests(records), ids)
        states = await self._parts.history.kept(self._owner, ids)
        intake = take_in(
            records, known, states, standing=self._standing, now=now, complete=complete
        )
        if intake.empty:
            return intake
        imported = Imported(intake.states, intake.deleted_facts, now)
        written = await store.commit(self._owner, intake.plan, base=known.state, imported=imported)
        return None if isinstance(written, Fence) else intake

    async def _take_run(self, run: Sequence[SessionRecord]) -> None:
        """Store records of one session."""
        head = run[0] if isinstance(run[0], SessionHead) else None
        session = _OpenSession(head) if head else self._session
        assert session.head is not None, "the translator refuses what belongs to no session"
        if head is None and not session.generation:
            self._counts = self._counts.plus(Verdict.CONFLICT, len(run))
            return
        waiting = tuple(r for r in run if isinstance(r, Waiting))
        written = await self._parts.sessions.write(
            SessionRun(
                session.head,
                begins=head is not None,
                generation=session.generation,
                memories_before=session.waiting,
                memories=waiting,
                messages=tuple(r for r in run if not isinstance(r, SessionHead | Waiting)),
            ),
            now=self._parts.clock.now(),
        )
        self._counts += written.counts
        self._session = replace(
            session, generation=written.generation, waiting=session.waiting + len(waiting)
        )


@dataclass(frozen=True, slots=True)
class _OpenSession:
    """The session that came last: its generation here, empty if the rest of it is left out.

    `waiting` is how many memories that wait in it have come.
    """

    head: SessionHead | None = None
    generation: str = ""
    waiting: int = 0


def _digests(records: Sequence[MemoryRecord]) -> list[str]:
    facts = [r.digest for r in records if isinstance(r, DeletedFact)]
    return [*facts, *(fact_digest(r) for r in records if isinstance(r, Memory))]


def _runs(records: Sequence[SessionRecord]) -> list[list[SessionRecord]]:
    """Cut records where a session begins."""
    runs: list[list[SessionRecord]] = []
    for record in records:
        if not runs or isinstance(record, SessionHead):
            runs.append([])
        runs[-1].append(record)
    return runs
