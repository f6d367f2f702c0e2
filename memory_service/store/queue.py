"""The work queues: which sessions have new messages.

Every partition has a stream and all replicas read it as one consumer of one group: each notice is
handed out once, stays pending until it is acknowledged, and is claimed again when nobody has for a
while. One consumer name for all, so that replicas that come and go leave no names behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from memory_service.domain.owner import Owner, SessionRef
from memory_service.store.commits import GROUP
from memory_service.store.connection import store_errors
from memory_service.store.keys import (
    PARTITIONS,
    OwnerKeys,
    PartitionKeys,
    owner_from_path,
)
from memory_service.store.scripts import Scripts

CONSUMER = "pump"
STREAMS = tuple(PartitionKeys(partition).deltas for partition in range(PARTITIONS))


@dataclass(frozen=True, slots=True)
class Notice:
    """Session `ref`, in this generation, has messages up to `tail`, and memories up to `given`.

    `trace`: where in a trace whoever wrote it was, as it said; empty if in none.
    """

    id: str
    ref: SessionRef
    generation: int
    tail: int
    given: int = 0
    trace: str = ""


class WorkQueue:
    """Reads, claims and drops notices."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._scripts = scripts

    async def ensure_groups(self) -> None:
        """Make every partition's group where there is none, reading from the very first notice."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for stream in STREAMS:
                pipe.xgroup_create(stream, GROUP, id="0", mkstream=True)
            for reply in await pipe.execute(raise_on_error=False):
                if isinstance(reply, ResponseError) and "BUSYGROUP" in str(reply):
                    continue
                if isinstance(reply, Exception):
                    raise reply

    async def read(self, *, count: int, block_ms: int) -> list[Notice]:
        """Return new notices, at most `count` of each partition; wait for them up to `block_ms`."""
        with store_errors():
            try:
                reply: Any = await self._redis.xreadgroup(
                    GROUP, CONSUMER, dict.fromkeys(STREAMS, ">"), count=count, block=block_ms
                )
            except ResponseError as error:
                return await self._regroup(error)
        batches = [batch for stream in (reply or {}).values() for batch in stream]
        return [_notice(*entry) for batch in batches for entry in batch]

    async def claim(self, *, min_idle_ms: int, count: int) -> list[Notice]:
        """Return notices that were handed out at least `min_idle_ms` ago and never acknowledged."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for stream in STREAMS:
                pipe.xautoclaim(stream, GROUP, CONSUMER, min_idle_ms, count=count)
            with store_errors():
                try:
                    replies = await pipe.execute()
                except ResponseError as error:
                    return await self._regroup(error)
        return [_notice(*entry) for reply in replies for entry in reply[1] if entry[1]]

    async def _regroup(self, error: ResponseError) -> list[Notice]:
        """Make lost groups again; notices that are there are read from the beginning."""
        if "NOGROUP" not in str(error):
            raise error
        await self.ensure_groups()
        return []

    async def drop(self, owner: Owner, notices: Sequence[str]) -> None:
        """Acknowledge and delete notices of one owner that lead nowhere."""
        deltas = OwnerKeys(owner).shared.deltas
        await self._scripts.ack(
            [deltas], {"deltas": deltas, "group": GROUP, "notices": list(notices)}
        )


def added_at(notice_id: str) -> float:
    """Return when a notice was added, in seconds since 1970, by the clock of Redis."""
    return int(notice_id.partition("-")[0]) / 1000


def _notice(notice_id: bytes, fields: Mapping[bytes, bytes]) -> Notice:
    owner = owner_from_path(fields[b"owner"].decode())
    return Notice(
        notice_id.decode(),
        SessionRef(owner, fields[b"session"].decode()),
        int(fields[b"generation"]),
        int(fields[b"tail"]),
        int(fields.get(b"given", b"0")),
        fields.get(b"trace", b"").decode(errors="replace"),
    )
