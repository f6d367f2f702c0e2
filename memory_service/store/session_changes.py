"""Writes of a session that are more than an append: made anew, changed, tried again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgpack
from redis.asyncio import Redis

from memory_service.domain.failed_ranges import FailedRanges
from memory_service.domain.limits import UNLIMITED, Quota
from memory_service.domain.memory import NewMemory
from memory_service.domain.owner import SessionRef
from memory_service.domain.requests import RequestKey
from memory_service.domain.session import NewMessage, Notes, Session, Summary
from memory_service.domain.session_options import DEFAULTS, SessionOptions
from memory_service.store import session_records
from memory_service.store.keys import owner_path
from memory_service.store.requests import remembered
from memory_service.store.session_scripts import (
    Carried,
    SessionScripts,
    contents,
    nothing,
    session_argument,
)


class SessionChanges:
    """Each change is one script. What is made from a read is refused if that has moved since."""

    def __init__(self, redis: Redis, quota: Quota = UNLIMITED, carried: Carried = nothing) -> None:
        """`quota` is what an owner may have, `carried` goes along with what is noted."""
        self._redis = redis
        self._scripts = SessionScripts(redis, quota, carried)

    async def put(
        self,
        ref: SessionRef,
        new: Sequence[NewMessage],
        notes: Notes,
        *,
        now: int,
        memories: Sequence[NewMemory] = (),
        options: SessionOptions = DEFAULTS,
        etag: str = "",
        request: RequestKey | None = None,
    ) -> Session:
        """Replace the session by a new generation of it, with messages of distinct ids.

        Raises EtagMismatch, NotExtracted, RequestIdReused.
        """
        argument = {
            **session_argument(ref, etag=etag, request=request),
            **contents(new, memories, now),
            "notes": _flat(session_records.encode_notes(notes)),
            "options": session_records.encode_options(options),
        }
        reply = await self._scripts.put(argument)
        # What the caller gave stands in the request, so it need not be remembered.
        answer = msgpack.unpackb(reply.value)
        then = int(answer["now"])
        return Session(
            ref,
            generation=int(answer["generation"]),
            created=then,
            updated=then,
            version=1,
            tail=len(new),
            cursor=0,
            given_tail=len(memories),
            options=options,
        )

    async def changed_before(
        self, ref: SessionRef, request: RequestKey | None
    ) -> tuple[Session, Notes] | None:
        """Return the first answer of `set_data` to a repeat, None to a new request.

        Raises RequestIdReused.
        """
        answer = await remembered(self._redis, ref.owner, request)
        return session_records.unpack(ref, answer) if answer else None

    async def set_data(
        self,
        seen: Session,
        notes: Notes,
        *,
        now: int,
        etag: str = "",
        request: RequestKey | None = None,
    ) -> tuple[Session, Notes] | None:
        """Keep `notes`, made from what was `seen`; None if the session is no longer that.

        Raises SessionNotFound, EtagMismatch, RequestIdReused.
        """
        after = replace(seen, version=seen.version + 1, updated=now)
        fields = {"version": str(after.version), "updated": str(now), "data": notes.data}
        argument = {
            **session_argument(seen.ref, etag=etag, request=request),
            "seen": {"generation": str(seen.generation), "version": str(seen.version)},
            "fields": _flat(fields),
            "active": str(now),
            "answer": session_records.pack(after, notes),
        }
        answer = await self._change(argument)
        return None if answer is None else session_records.unpack(seen.ref, answer)

    async def retried_before(self, ref: SessionRef, request: RequestKey | None) -> int | None:
        """Return the first answer of `retry` to a repeat, None to a new request.

        Raises RequestIdReused.
        """
        answer = await remembered(self._redis, ref.owner, request)
        return int(answer) if answer else None

    async def retry(
        self, seen: Session, ranges: FailedRanges, *, request: RequestKey | None = None
    ) -> int | None:
        """Set the session's failed ranges, some of them to be extracted again, and note that.

        Returns how many messages wait to be extracted again; None if the session is no longer what
        was `seen`. Raises SessionNotFound, RequestIdReused.
        """
        ref = seen.ref
        after = replace(seen, failed_ranges=ranges)
        notice = {
            "owner": owner_path(ref.owner),
            "session": ref.session_id,
            "generation": str(seen.generation),
            "tail": str(seen.tail),
        }
        failed = session_records.encode_failed(seen.failed_ranges)
        argument = {
            **session_argument(ref, request=request),
            "seen": {"generation": str(seen.generation), "failed_ranges": failed},
            "fields": _flat({"failed_ranges": session_records.encode_failed(ranges)}),
            "notice": _flat(notice) if after.retrying else None,
            "answer": str(after.retrying),
        }
        answer = await self._change(argument)
        return None if answer is None else int(answer)

    async def set_summary(self, seen: Session, summary: Summary) -> bool:
        """Keep `summary`; say whether the session still had the summary that was `seen`.

        No caller changed anything, so the session's etag and times stay. Raises SessionNotFound.
        """
        before = str(seen.summarized) if seen.summarized else ""
        fields = {session_records.SUMMARY: summary.text, "summarized": str(summary.through)}
        argument = {
            **session_argument(seen.ref),
            "seen": {"generation": str(seen.generation), "summarized": before},
            "fields": _flat(fields),
            "answer": "",
        }
        return await self._change(argument) is not None

    async def _change(self, argument: Mapping[str, Any]) -> bytes | None:
        reply = await self._scripts.change(argument)
        return None if reply.status == "moved" else reply.value


def _flat(fields: Mapping[str, str | bytes]) -> list[str | bytes]:
    return [part for item in fields.items() for part in item]
