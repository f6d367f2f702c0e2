"""Working memory in Redis: a session's state, its log of messages, and the list of sessions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgpack
from redis.asyncio import Redis

from memory_service.domain.errors import (
    EtagMismatch,
    MessageIdReused,
    NotExtracted,
    RequestIdReused,
    SessionNotFound,
)
from memory_service.domain.owner import Owner, SessionRef
from memory_service.domain.requests import RequestKey
from memory_service.domain.session import FailedRange, Message, NewMessage, Session
from memory_service.store import messages
from memory_service.store.keys import OwnerKeys, owner_path
from memory_service.store.requests import remembered, request_argument
from memory_service.store.scripts import Reply, Scripts


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
    """What is to be extracted next of a session: messages, and those right before them."""

    session: Session
    context: tuple[Message, ...]
    messages: tuple[Message, ...]


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
            "messages": [_append_argument(message, now) for message in new],
        }
        reply = await self._scripts.append(_keys(argument), argument)
        _raise_common(reply)
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
        reply = await self._scripts.delete_session(_keys(argument), argument)
        _raise_common(reply)
        if reply.status == "not_found":
            raise SessionNotFound
        if reply.status == "not_extracted":
            raise NotExtracted
        answer = msgpack.unpackb(reply.value)
        return Deleted(answer["deleted"], answer["unextracted"])

    async def is_repeat(self, ref: SessionRef, request: RequestKey | None) -> bool:
        """Whether this request has been answered before. Raises RequestIdReused."""
        return await remembered(self._redis, ref.owner, request) is not None

    async def get(self, ref: SessionRef) -> Session:
        """Return the session's state. Raises SessionNotFound."""
        fields = await self._redis.hgetall(OwnerKeys(ref.owner).session(ref.session_id))
        if not fields:
            raise SessionNotFound
        return _session(ref, fields)

    async def recent(self, ref: SessionRef, count: int) -> tuple[Session, tuple[Message, ...]]:
        """Return the session and its newest `count` messages, oldest first."""
        keys = OwnerKeys(ref.owner)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hgetall(keys.session(ref.session_id))
            # COUNT 0 would mean no limit.
            pipe.xrevrange(keys.log(ref.session_id), count=max(count, 1))
            fields, entries = await pipe.execute()
        if not fields:
            raise SessionNotFound
        newest = entries[:count]
        return _session(ref, fields), tuple(messages.decode(*entry) for entry in reversed(newest))

    async def unextracted(self, ref: SessionRef, *, limit: int, context: int) -> Unextracted | None:
        """Return the next `limit` messages after the cursor, and `context` messages before them.

        None if there is no such session.
        """
        keys = OwnerKeys(ref.owner)
        while True:
            fields = await self._redis.hgetall(keys.session(ref.session_id))
            if not fields:
                return None
            session = _session(ref, fields)
            log = keys.log(ref.session_id)
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hmget(keys.session(ref.session_id), ["generation", "cursor"])
                pipe.xrange(log, min=f"{session.cursor + 1}-0", count=limit)
                pipe.xrevrange(log, max=f"{session.cursor}-0", count=max(context, 1))
                fence, ahead, behind = await pipe.execute()
            if fence == [fields[b"generation"], fields[b"cursor"]]:
                return Unextracted(
                    session,
                    tuple(messages.decode(*entry) for entry in reversed(behind[:context])),
                    tuple(messages.decode(*entry) for entry in ahead),
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
                pipe.hgetall(keys.session(ref.session_id))
            states = await pipe.execute()
        return [_session(ref, s) for ref, s in zip(refs, states, strict=True) if s], total


def _append_argument(message: NewMessage, now: int) -> dict[str, str]:
    # The digest is of what the caller gave: a repeat without a time is still the same message.
    digest = hashlib.blake2b(messages.encode(message).encode(), digest_size=16).hexdigest()
    timed = message if message.created else replace(message, created=now)
    return {"id": message.id, "body": messages.encode(timed), "digest": digest}


def _keys(argument: Mapping[str, Any]) -> list[str]:
    """Return the keys among a script's arguments, for a cluster to route by."""
    names = ("session", "log", "ids", "sessions", "state", "deltas")
    keys = [argument[name] for name in names if name in argument]
    return keys + ([argument["request"]["key"]] if argument["request"] else [])


def _raise_common(reply: Reply) -> None:
    if reply.status == "request_id_reused":
        raise RequestIdReused
    if reply.status == "etag_mismatch":
        raise EtagMismatch


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


def _session(ref: SessionRef, fields: Any) -> Session:
    def number(name: bytes) -> int:
        return int(fields.get(name, b"0"))

    return Session(
        ref,
        generation=number(b"generation"),
        created=number(b"created"),
        updated=number(b"updated"),
        version=number(b"version"),
        tail=number(b"tail"),
        cursor=number(b"cursor"),
        failed_ranges=decode_failed(fields.get(b"failed_ranges", b"")),
    )


def decode_failed(value: bytes) -> tuple[FailedRange, ...]:
    """Return the failed ranges from a session's field of that name."""
    return tuple(FailedRange(*item) for item in msgpack.unpackb(value)) if value else ()


def encode_failed(ranges: Sequence[FailedRange]) -> bytes:
    """Return the field's value for `ranges`."""
    packed: bytes = msgpack.packb([(r.first, r.last, r.reason, r.failed) for r in ranges])
    return packed
