"""Changes of a session that take more than one step: made anew, patched, tried again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from memory_service.attempts import until_written
from memory_service.clock import Clock
from memory_service.domain.errors import InvalidField, SessionNotFound
from memory_service.domain.failed_ranges import retried
from memory_service.domain.memory import NewMemory
from memory_service.domain.owner import SessionRef
from memory_service.domain.patch import PatchMode, data_text, patched
from memory_service.domain.requests import RequestKey
from memory_service.domain.session import NewMessage, Notes, Session, without_repeats
from memory_service.domain.session_options import DEFAULTS, SessionOptions
from memory_service.flush import Flush
from memory_service.store.session_changes import SessionChanges
from memory_service.store.sessions import Deleted, SessionStore


class WorkingMemory:
    """Reads, decides, and writes if nothing moved since."""

    def __init__(
        self, sessions: SessionStore, changes: SessionChanges, flush: Flush, clock: Clock
    ) -> None:
        self._sessions = sessions
        self._changes = changes
        self._flush = flush
        self._clock = clock

    async def put(
        self,
        ref: SessionRef,
        new: Sequence[NewMessage],
        notes: Notes,
        *,
        memories: Sequence[NewMemory] = (),
        options: SessionOptions = DEFAULTS,
        etag: str = "",
        request: RequestKey | None = None,
    ) -> Session:
        """Extract what is left of the session, then replace it by a new generation.

        Raises MessageIdReused, EtagMismatch, NotExtracted, ExtractorUnavailable, RequestIdReused.
        """
        distinct = without_repeats(new)
        if not await self._sessions.is_repeat(ref, request):
            await self._finish(ref, etag)
        return await self._changes.put(
            ref,
            distinct,
            notes,
            memories=memories,
            options=options,
            now=self._clock.now(),
            etag=etag,
            request=request,
        )

    async def delete(
        self,
        ref: SessionRef,
        *,
        extract_first: bool,
        etag: str = "",
        request: RequestKey | None = None,
    ) -> Deleted:
        """Delete the session, if asked for after all that is left of it was extracted.

        Raises SessionNotFound, EtagMismatch, NotExtracted, ExtractorUnavailable, RequestIdReused.
        """
        if extract_first and not await self._sessions.is_repeat(ref, request):
            await self._finish(ref, etag)
        return await self._sessions.delete(
            ref, only_if_extracted=extract_first, etag=etag, request=request
        )

    async def _finish(self, ref: SessionRef, etag: str) -> None:
        """Extract what is left of the session, if it is there and the one that is meant."""
        try:
            session = await self._sessions.get(ref)
            if session.etag == etag or not etag:
                await self._flush.run(ref)
        except SessionNotFound:
            return  # Nothing is left to extract; the script decides about the rest.

    async def patch(
        self,
        ref: SessionRef,
        patch: Mapping[str, Any],
        mode: PatchMode,
        *,
        etag: str = "",
        request: RequestKey | None = None,
    ) -> tuple[Session, Notes]:
        """Lay `patch` over the session's data; return the session after that.

        Raises InvalidField if the data would become too large, SessionNotFound, EtagMismatch,
        Contention, RequestIdReused.
        """
        if answered := await self._changes.changed_before(ref, request):
            return answered

        async def attempt() -> tuple[Session, Notes] | None:
            seen, notes = await self._sessions.notes(ref)
            after = patched(json.loads(notes.data or "{}"), patch, mode)
            return await self._changes.set_data(
                seen,
                replace(notes, data=data_text(after, "data")),
                now=self._clock.now(),
                etag=etag,
                request=request,
            )

        return await until_written(attempt)

    async def retry(
        self, ref: SessionRef, firsts: Sequence[int], *, request: RequestKey | None = None
    ) -> int:
        """Have failed ranges extracted again, those that begin at `firsts`, or all.

        Returns how many messages wait for that. Raises InvalidField if no range begins at one of
        `firsts`, SessionNotFound, Contention, RequestIdReused.
        """
        answered = await self._changes.retried_before(ref, request)
        if answered is not None:
            return answered

        async def attempt() -> int | None:
            seen = await self._sessions.get(ref)
            _check_firsts(seen, firsts)
            ranges = retried(seen.failed_ranges, firsts)
            return await self._changes.retry(seen, ranges, request=request)

        return await until_written(attempt)


def _check_firsts(session: Session, firsts: Sequence[int]) -> None:
    known = {each.first for each in session.failed_ranges}
    for index, first in enumerate(firsts):
        if first not in known:
            raise InvalidField(f"first_sequences[{index}]", "is not where a failed range begins")
