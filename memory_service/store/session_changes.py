"""Writes of a session that are more than an append: made anew, changed, tried again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgpack
from redis.asyncio import Redis

from memory_service.domain.failed_ranges import FailedRanges
from memory_service.domain.owner import SessionRef
from memory_service.domain.requests import RequestKey
from memory_service.domain.session import NewMessage, Notes, Session
from memory_service.store import messages, session_records
from memory_service.store.keys import OwnerKeys, owner_path
from memory_service.store.requests import remembered, request_argument
from memory_service.store.session_scripts import SessionScripts, raise_refusal, routed_keys


class SessionChanges:
    """Each change is one script. What is made from a read is refused if that has moved since."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._scripts = SessionScripts(redis)

    async def put(
        self,
        ref: SessionRef,
        new: Sequence[NewMessage],
        notes: Notes,
        *,
        now: int,
        etag: str = "",
        request: RequestKey | None = None,
    ) -> Session:
        """Replace the session by a new generation of it, with messages of distinct ids.

        Raises EtagMismatch, NotExtracted, RequestIdReused.
        """
        keys = OwnerKeys(ref.owner)
        argument = {
            **_common(ref, etag, request),
            "log": keys.log(ref.session_id),
            "ids": keys.message_ids(ref.session_id),
            "state": keys.state,
            "owner": owner_path(ref.owner),
            "now": str(now),
            "notes": _flat(session_records.encode_notes(notes)),
            "messages": [messages.log_argument(message, now) for message in new],
        }
        reply = await self._scripts.put(routed_keys(argument), argument)
        raise_refusal(reply)
        # What the caller gave stands in the request, so it need not be remembered.
        answer = msgpack.unpackb(reply.value)
        then = int(answer["now"])
        return Session(ref, int(answer["generation"]), then, then, 1, tail=len(new), cursor=0)

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
            **_common(seen.ref, etag, request),
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
            **_common(ref, "", request),
            "seen": {"generation": str(seen.generation), "failed_ranges": failed},
            "fields": _flat({"failed_ranges": session_records.encode_failed(ranges)}),
            "notice": _flat(notice) if after.retrying else None,
            "answer": str(after.retrying),
        }
        answer = await self._change(argument)
        return None if answer is None else int(answer)

    async def _change(self, argument: Mapping[str, Any]) -> bytes | None:
        reply = await self._scripts.change(routed_keys(argument), argument)
        raise_refusal(reply)
        return None if reply.status == "moved" else reply.value


def _common(ref: SessionRef, etag: str, request: RequestKey | None) -> dict[str, Any]:
    keys = OwnerKeys(ref.owner)
    return {
        "session": keys.session(ref.session_id),
        "sessions": keys.sessions,
        "deltas": keys.shared.deltas,
        "session_id": ref.session_id,
        "etag": etag,
        "request": request_argument(ref.owner, request),
    }


def _flat(fields: Mapping[str, str | bytes]) -> list[str | bytes]:
    return [part for item in fields.items() for part in item]
