"""Working memory in Redis: a session's state, its log of messages, and the list of sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgpack
from redis.asyncio import Redis

from memory_service.domain.errors import MessageIdReused, SessionNotFound
from memory_service.domain.owner import Owner, SessionRef
from memory_service.domain.requests import RequestKey
from memory_service.domain.session import Message, NewMessage, Notes, Session
from memory_service.store import messages, session_records
from memory_service.store.keys import OwnerKeys, owner_path
from memory_service.store.requests import remembered, request_argument
from memory_service.store.scripts import Scripts
from memory_service.store.session_scripts import raise_refusal, routed_keys


@dataclass(frozen=True, slots=True)
class Appended:
    """The answer to an append."""

    message_ids: tuple[str, ...]
    session: Session


@dataclass(frozen=True, slots=True)
class Deleted:
    """The answer to the deletion of a session."""

    messages: int
    unextracted: int


@dataclass(frozen=True, slots=True)
class Unextracted:
    """What is to be extracted next of a session: messages, and those right before them.

    `again`: they are of a range that failed before, not those after the cursor.
    """

    session: Session
    context: tuple[Message, ...]
    messages: tuple[Message, ...]
    again: bool = False


class SessionStore:
    """Sessions and their messages. Scripts write; reads are single commands or transactions."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._scripts = scripts

    async def append(
        self,
        ref: SessionRef,
        new: Sequence[NewMessage],
        *,
        now: int,
        etag: str = "",
        request: RequestKey | None = None,
    ) -> Appended:
        """Append `new` and note them for extraction, in one step.

        Raises EtagMismatch, MessageIdReused, RequestIdReused.
        """
        keys = OwnerKeys(ref.owner)
        argument = {
            "session": keys.session(ref.session_id),
            "log": keys.log(ref.session_id),
            "ids": keys.message_ids(ref.session_id),
            "sessions": keys.sessions,
            "state": keys.state,
            "deltas": keys.shared.deltas,
            "owner": owner_path(ref.owner),
            "session_id": ref.session_id,
            "now": str(now),
            "etag": etag,
            "request": request_argument(ref.owner, request),
            "messages": [messages.log_argument(message, now) for message in new],
        }
        reply = await self._scripts.append(routed_keys(argument), argument)
        raise_refusal(reply)
        if reply.status == "message_id_reused":
            raise MessageIdReused(int(reply.value))
        return _appended(ref, msgpack.unpackb(reply.value))

    async def delete(
        self,
        ref: SessionRef,
        *,
        only_if_extracted: bool = False,
        etag: str = "",
        request: RequestKey | None = None,
    ) -> Deleted:
        """Delete the session.

        Raises SessionNotFound, EtagMismatch, NotExtracted, RequestIdReused.
        """
        keys = OwnerKeys(ref.owner)
        argument = {
            "session": keys.session(ref.session_id),
            "log": keys.log(ref.session_id),
            "ids": keys.message_ids(ref.session_id),
            "sessions": keys.sessions,
            "session_id": ref.session_id,
            "etag": etag,
            "only_if_extracted": only_if_extracted,
            "request": request_argument(ref.owner, request),
        }
        reply = await self._scripts.delete_session(routed_keys(argument), argument)
        raise_refusal(reply)
        answer = msgpack.unpackb(reply.value)
        return Deleted(answer["deleted"], answer["unextracted"])

    async def is_repeat(self, ref: SessionRef, request: RequestKey | None) -> bool:
        """Whether this request has been answered before. Raises RequestIdReused."""
        return await remembered(self._redis, ref.owner, request) is not None

    async def get(self, ref: SessionRef) -> Session:
        """Return the session's state. Raises SessionNotFound."""
        key = OwnerKeys(ref.owner).session(ref.session_id)
        return _found(ref, await self._redis.hmget(key, session_records.STATE))

    async def notes(self, ref: SessionRef) -> tuple[Session, Notes]:
        """Return the session's state and what is kept with it. Raises SessionNotFound."""
        key = OwnerKeys(ref.owner).session(ref.session_id)
        row = await self._redis.hmget(key, _WHOLE)
        return _found(ref, row[:_STATE]), session_records.decode_notes(row[_STATE:])

    async def recent(self, ref: SessionRef, count: int) -> tuple[Session, tuple[Message, ...]]:
        """Return the session and its newest `count` messages, oldest first."""
        row, newest = await self._read(ref, session_records.STATE, count)
        return _found(ref, row), newest

    async def whole(
        self, ref: SessionRef, count: int
    ) -> tuple[Session, Notes, tuple[Message, ...]]:
        """Return the session, what is kept with it, and its newest messages, oldest first.

        Raises SessionNotFound.
        """
        row, newest = await self._read(ref, _WHOLE, count)
        notes = session_records.decode_notes(row[_STATE:])
        return _found(ref, row[:_STATE]), notes, newest

    async def _read(
        self, ref: SessionRef, names: Sequence[str], count: int
    ) -> tuple[session_records.Row, tuple[Message, ...]]:
        keys = OwnerKeys(ref.owner)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hmget(keys.session(ref.session_id), names)
            # COUNT 0 would mean no limit.
            pipe.xrevrange(keys.log(ref.session_id), count=max(count, 1))
            row, entries = await pipe.execute()
        return row, tuple(messages.decode(*entry) for entry in reversed(entries[:count]))

    async def unextracted(self, ref: SessionRef, *, limit: int, context: int) -> Unextracted | None:
        """Return the next `limit` messages to extract, and `context` messages before them.

        Those after the cursor come first, then those that are to be extracted again. None if there
        is no such session.
        """
        keys = OwnerKeys(ref.owner)
        key, log = keys.session(ref.session_id), keys.log(ref.session_id)
        while True:
            row = await self._redis.hmget(key, session_records.STATE)
            session = session_records.decode(ref, row)
            if session is None:
                return None
            first, last = session.next_range
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hmget(key, session_records.FENCE)
                pipe.xrange(log, min=f"{first}-0", max=f"{last}-0", count=limit)
                pipe.xrevrange(log, max=f"{first - 1}-0", count=max(context, 1))
                fence, ahead, behind = await pipe.execute()
            if fence == session_records.fence(row):
                return Unextracted(
                    session,
                    tuple(messages.decode(*entry) for entry in reversed(behind[:context])),
                    tuple(messages.decode(*entry) for entry in ahead),
                    again=first <= session.cursor,
                )

    async def list(self, owner: Owner, *, offset: int, count: int) -> tuple[list[Session], int]:
        """Return `count` sessions from `offset` on, last active first, and how many there are."""
        keys = OwnerKeys(owner)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.zrevrange(keys.sessions, offset, offset + count - 1)
            pipe.zcard(keys.sessions)
            names, total = await pipe.execute()
        refs = [SessionRef(owner, name.decode()) for name in names]
        async with self._redis.pipeline(transaction=False) as pipe:
            for ref in refs:
                pipe.hmget(keys.session(ref.session_id), session_records.STATE)
            rows = await pipe.execute()
        found = [session_records.decode(ref, row) for ref, row in zip(refs, rows, strict=True)]
        return [session for session in found if session], total


_WHOLE = (*session_records.STATE, *session_records.NOTES)
_STATE = len(session_records.STATE)


def _found(ref: SessionRef, state: session_records.Row) -> Session:
    session = session_records.decode(ref, state)
    if session is None:
        raise SessionNotFound
    return session


def _appended(ref: SessionRef, answer: Mapping[str, Any]) -> Appended:
    session = Session(
        ref,
        generation=int(answer["generation"]),
        created=int(answer["created"]),
        updated=int(answer["updated"]),
        version=int(answer["version"]),
        tail=int(answer["tail"]),
        cursor=int(answer["cursor"]),
    )
    return Appended(tuple(answer["ids"]), session)
