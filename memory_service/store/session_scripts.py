"""The writers of sessions: Lua scripts as typed functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from memory_service.domain.errors import (
    EtagMismatch,
    MessageIdReused,
    NotExtracted,
    RequestIdReused,
    SessionNotFound,
    TooManyWaiting,
)
from memory_service.domain.limits import UNLIMITED, Quota
from memory_service.domain.memory import NewMemory
from memory_service.domain.owner import SessionRef
from memory_service.domain.requests import RequestKey
from memory_service.domain.session import NewMessage
from memory_service.store import given, messages, session_lua
from memory_service.store.accounts import refuse_over_quota
from memory_service.store.keys import OwnerKeys, owner_path
from memory_service.store.requests import request_argument
from memory_service.store.scripts import Reply, run_script

Carried = Callable[[], str]
"""Says what goes along with a notice: where in a trace its writer is; empty if in none."""


def nothing() -> str:
    """Say that there is no trace."""
    return ""


class SessionScripts:
    """The scripts, loaded into one connection pool.

    Each takes what `session_argument` gives and more, and raises what it refuses: EtagMismatch,
    MessageIdReused, NotExtracted, QuotaExceeded, RequestIdReused, SessionNotFound, TooManyWaiting.
    """

    def __init__(self, redis: Redis, quota: Quota = UNLIMITED, carried: Carried = nothing) -> None:
        """`quota` is what an owner may have."""
        self._limits = quota.limits
        self._carried = carried
        self._append = redis.register_script(session_lua.APPEND)
        self._create = redis.register_script(session_lua.CREATE)
        self._put = redis.register_script(session_lua.PUT)
        self._change = redis.register_script(session_lua.CHANGE)
        self._delete = redis.register_script(session_lua.DELETE)

    async def append(self, argument: Mapping[str, Any]) -> Reply:
        """Return done | replayed: the messages' ids and the values of the fields `returned`."""
        return await self._within(self._append, argument)

    async def create(self, argument: Mapping[str, Any]) -> Reply:
        """Return done, also if there was a session."""
        return await self._within(self._create, argument)

    async def put(self, argument: Mapping[str, Any]) -> Reply:
        """Return done | replayed: the generation, and when it was made."""
        return await self._within(self._put, argument)

    async def change(self, argument: Mapping[str, Any]) -> Reply:
        """Return done | replayed: the answer; or moved."""
        traced = {**argument, **self._trace()}
        return _checked(await run_script(self._change, routed_keys(argument), traced))

    async def delete(self, argument: Mapping[str, Any]) -> Reply:
        """Return done | replayed: how many messages were deleted, and not extracted; or not_due."""
        return _checked(await run_script(self._delete, routed_keys(argument), argument))

    async def _within(self, script: AsyncScript, argument: Mapping[str, Any]) -> Reply:
        """Run a script that may not give the owner more than its quota."""
        limited = {**argument, "quota": self._limits, **self._trace()}
        return _checked(await run_script(script, routed_keys(limited), limited))

    def _trace(self) -> dict[str, str]:
        carried = self._carried()
        return {"trace": carried} if carried else {}


_KEYS = ("session", "log", "ids", "given", "sessions", "state", "usage", "expiry", "deltas")


def session_argument(
    ref: SessionRef, *, etag: str = "", request: RequestKey | None = None
) -> dict[str, Any]:
    """Return what every script is told: the session's keys, and what the caller expects."""
    keys = OwnerKeys(ref.owner)
    return {
        "session": keys.session(ref.session_id),
        "log": keys.log(ref.session_id),
        "ids": keys.message_ids(ref.session_id),
        "given": keys.given(ref.session_id),
        "sessions": keys.sessions,
        "state": keys.state,
        "usage": keys.usage,
        "quota": {},
        "expiry": keys.shared.expiry,
        "deltas": keys.shared.deltas,
        "owner": owner_path(ref.owner),
        "session_id": ref.session_id,
        "etag": etag,
        "request": request_argument(ref.owner, request),
    }


def contents(new: Sequence[NewMessage], memories: Sequence[NewMemory], now: int) -> dict[str, Any]:
    """Return what the scripts are told that write messages and memories into a session."""
    return {
        "messages": [messages.log_argument(message, now) for message in new],
        "memories": [given.encode(memory) for memory in memories],
        "now": str(now),
    }


def routed_keys(argument: Mapping[str, Any]) -> list[str]:
    """Return the keys among a script's arguments, for a cluster to route by."""
    keys = [argument[name] for name in _KEYS]
    return keys + ([argument["request"]["key"]] if argument["request"] else [])


_REFUSALS = {
    "request_id_reused": RequestIdReused,
    "not_found": SessionNotFound,
    "etag_mismatch": EtagMismatch,
    "not_extracted": NotExtracted,
    "too_many_waiting": TooManyWaiting,
}


def _checked(reply: Reply) -> Reply:
    """Return the reply, or raise what it says if the script refused."""
    if refusal := _REFUSALS.get(reply.status):
        raise refusal
    refuse_over_quota(reply)
    if reply.status == "message_id_reused":
        raise MessageIdReused(int(reply.value))
    return reply
