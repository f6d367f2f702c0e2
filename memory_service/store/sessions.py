"""Working memory in Redis: a session's state, its log of messages, and the list of sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgpack
from redis.asyncio import Redis

from memory_service.domain.errors import SessionNotFound
from memory_service.domain.known_entities import Acquaintance, last_of_page, page_of
from memory_service.domain.limits import UNLIMITED, Quota
from memory_service.domain.memory import NewMemory
from memory_service.domain.owner import Owner, SessionRef
from memory_service.domain.requests import RequestKey
from memory_service.domain.session import Message, NewMessage, Notes, Session, Summary
from memory_service.domain.session_options import SessionOptions
from memory_service.store import acquaintances, given, messages, session_records
from memory_service.store.keys import OwnerKeys
from memory_service.store.older_messages import FIRST_PAGE, oldest_first, with_older
from memory_service.store.requests import remembered
from memory_service.store.session_scripts import (
    Carried,
    SessionScripts,
    contents,
    nothing,
    session_argument,
)

MOST_WAITING = 1024
"""How many memories of a session may wait to be promoted."""

MOST_PROMOTED = 128
"""How many of them are promoted at a time, as many as one call creates."""


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
class Whole:
    """A session with its newest messages and the memories that wait, the oldest first."""

    session: Session
    notes: Notes
    summary: Summary
    messages: tuple[Message, ...]
    given: tuple[NewMemory, ...]


@dataclass(frozen=True, slots=True)
class Unextracted:
    """What is to be dealt with next of a session: messages [first, last], and memories `given`.

    There are `messages`, and those right before them, if they are to be extracted. Nothing is to be
    done with messages if `last` is before `first`. `acquaintance`: who is known on their page.
    """

    session: Session
    first: int
    last: int
    context: tuple[Message, ...]
    messages: tuple[Message, ...]
    given: tuple[NewMemory, ...]
    acquaintance: Acquaintance | None = None

    @property
    def again(self) -> bool:
        """Whether the messages are of a range that failed before, not those after the cursor."""
        return self.first <= self.session.cursor


class SessionStore:
    """Sessions and their messages. Scripts write; reads are single commands or transactions."""

    def __init__(self, redis: Redis, quota: Quota = UNLIMITED, carried: Carried = nothing) -> None:
        """`quota` is what an owner may have, `carried` goes along with what is noted."""
        self._redis = redis
        self._scripts = SessionScripts(redis, quota, carried)

    async def append(
        self,
        ref: SessionRef,
        new: Sequence[NewMessage],
        *,
        now: int,
        memories: Sequence[NewMemory] = (),
        options: SessionOptions | None = None,
        etag: str = "",
        request: RequestKey | None = None,
    ) -> Appended:
        """Append `new` and `memories`, note them for extraction, and set `options`, in one step.

        Raises EtagMismatch, MessageIdReused, RequestIdReused, TooManyWaiting.
        """
        argument = {
            **session_argument(ref, etag=etag, request=request),
            **contents(new, memories, now),
            "options": session_records.encode_options(options) if options else None,
            "most_waiting": MOST_WAITING,
            "returned": session_records.STATE,
        }
        reply = await self._scripts.append(argument)
        # Raw, because failed ranges are no text.
        ids, state = msgpack.unpackb(reply.value, raw=True)
        return Appended(tuple(id_.decode() for id_ in ids), _found(ref, state))

    async def create_if_missing(self, ref: SessionRef, options: SessionOptions, now: int) -> None:
        """Make an empty session if there is none; if there is one, nothing changes."""
        encoded = session_records.encode_options(options)
        await self._scripts.create({**session_argument(ref), "options": encoded, "now": str(now)})

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
        argument = session_argument(ref, etag=etag, request=request)
        reply = await self._scripts.delete({**argument, "only_if_extracted": only_if_extracted})
        answer = msgpack.unpackb(reply.value)
        return Deleted(answer["deleted"], answer["unextracted"])

    async def is_repeat(self, ref: SessionRef, request: RequestKey | None) -> bool:
        """Whether this request has been answered before. Raises RequestIdReused."""
        return await remembered(self._redis, ref.owner, request) is not None

    async def find(self, ref: SessionRef) -> Session | None:
        """Return the session's state, None if there is none."""
        key = OwnerKeys(ref.owner).session(ref.session_id)
        return session_records.decode(ref, await self._redis.hmget(key, session_records.STATE))

    async def get(self, ref: SessionRef) -> Session:
        """Return the session's state. Raises SessionNotFound."""
        session = await self.find(ref)
        if session is None:
            raise SessionNotFound
        return session

    async def notes(self, ref: SessionRef) -> tuple[Session, Notes]:
        """Return the session's state and what is kept with it. Raises SessionNotFound."""
        key = OwnerKeys(ref.owner).session(ref.session_id)
        row = await self._redis.hmget(key, (*session_records.STATE, *session_records.NOTES))
        return _found(ref, row[:_STATE]), session_records.decode_notes(row[_STATE:])

    async def recent(self, ref: SessionRef, count: int) -> tuple[Session, tuple[Message, ...]]:
        """Return the session and its newest `count` messages, oldest first."""
        keys = OwnerKeys(ref.owner)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hmget(keys.session(ref.session_id), session_records.STATE)
            pipe.xrevrange(keys.log(ref.session_id), count=_counted(count))
            row, newest = await pipe.execute()
        return _found(ref, row), oldest_first(newest[:count])

    async def whole(self, ref: SessionRef, count: int, *, before: int | None = None) -> Whole:
        """Return all of the session, but of its messages the newest `count`.

        With `before`: the newest of those before this sequence. No more than fit into a response,
        and a few. Raises SessionNotFound.
        """
        while True:
            whole = await self._newest(ref, min(count, FIRST_PAGE), before)
            found = await with_older(self._redis, whole.session, whole.messages, count)
            if found is not None:
                return replace(whole, messages=found)

    async def _newest(self, ref: SessionRef, count: int, before: int | None) -> Whole:
        newest_id = "+" if before is None else f"{before - 1}-0"
        keys = OwnerKeys(ref.owner)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hmget(keys.session(ref.session_id), _WHOLE)
            pipe.xrevrange(keys.log(ref.session_id), max=newest_id, count=_counted(count))
            pipe.xrange(keys.given(ref.session_id), count=MOST_WAITING)
            row, newest, waiting = await pipe.execute()
        session = _found(ref, row[:_STATE])
        *notes, summary = row[_STATE:]
        return Whole(
            session,
            session_records.decode_notes(notes),
            Summary((summary or b"").decode(), session.summarized),
            oldest_first(newest[:count]),
            tuple(given.decode(ref, fields) for _, fields in waiting),
        )

    async def messages_between(self, ref: SessionRef, first: int, last: int) -> tuple[Message, ...]:
        """Return the messages [first, last] that are there, oldest first."""
        log = OwnerKeys(ref.owner).log(ref.session_id)
        entries: Any = await self._redis.xrange(log, min=f"{first}-0", max=f"{last}-0")
        return tuple(messages.decode(*entry) for entry in entries)

    async def unextracted(
        self, session: Session, *, limit: int, context: int
    ) -> Unextracted | None:
        """Return what is to be dealt with next, `limit` messages and `context` before them.

        Messages after the cursor come first, then those that are to be extracted again; none beyond
        the page of the first. Who is known is read once a page, before anything of it is committed:
        so it is the same for all messages of the page, wherever they are cut. None if the session
        is no longer the one that was read.
        """
        keys = OwnerKeys(session.ref.owner)
        key, log = keys.session(session.ref.session_id), keys.log(session.ref.session_id)
        first, last = session.next_range
        end = min(last, last_of_page(first))
        reading = session.options.reads and first <= last
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hmget(key, session_records.FENCE)
            pipe.xrange(keys.given(session.ref.session_id), count=MOST_PROMOTED)
            if reading:
                pipe.xrange(log, min=f"{first}-0", max=f"{end}-0", count=limit)
                pipe.xrevrange(log, max=f"{first - 1}-0", count=_counted(context))
                pipe.hget(key, acquaintances.FIELD)
            fence, waiting, *read = await pipe.execute()
        if not session_records.holds(session, fence):
            return None
        ahead, behind, known = read or ((), (), None)
        new = tuple(messages.decode(*entry) for entry in ahead)
        return Unextracted(
            session,
            first,
            new[-1].sequence if new else last,
            oldest_first(behind[:context]),
            new,
            tuple(given.decode(session.ref, fields) for _, fields in waiting),
            await self._acquaintance(session, first, known) if reading else None,
        )

    async def _acquaintance(
        self, session: Session, first: int, known: bytes | None
    ) -> Acquaintance:
        """Return who is known to messages from `first` on: as before, unless a page begins.

        Whoever begins it as well meanwhile, and commits, is noticed by the fence.
        """
        before, page = acquaintances.decode(known), page_of(first)
        again = first <= session.cursor
        if before is not None and (again or before.page == page):
            return before
        counts = await self._redis.hgetall(OwnerKeys(session.ref.owner).known)
        return acquaintances.begun(page, counts)

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


_WHOLE = (*session_records.STATE, *session_records.NOTES, session_records.SUMMARY)
_STATE = len(session_records.STATE)


def _counted(count: int) -> int:
    return max(count, 1)  # COUNT 0 would mean no limit.


def _found(ref: SessionRef, state: session_records.Row) -> Session:
    session = session_records.decode(ref, state)
    if session is None:
        raise SessionNotFound
    return session
