"""Long-term memory in Redis: read what a plan needs, write what it says, or nothing."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence

from redis.asyncio import Redis

from memory_service.domain.changes import OwnerState, Plan
from memory_service.domain.errors import RequestIdReused
from memory_service.domain.limits import UNLIMITED, Quota
from memory_service.domain.memory import Memory
from memory_service.domain.owner import Owner
from memory_service.domain.planning import Known
from memory_service.domain.requests import Job, RequestKey
from memory_service.off_the_loop import in_time
from memory_service.store import records
from memory_service.store.accounts import refuse_over_quota
from memory_service.store.commits import (
    Imported,
    SessionAdvance,
    commit_argument,
    commit_keys,
    text_of,
)
from memory_service.store.jobs import read_job
from memory_service.store.keys import OwnerKeys, memory_owner_of
from memory_service.store.requests import remembered
from memory_service.store.scripts import Scripts, pack
from memory_service.store.spaces import EMBEDDED, FIRST, Space
from memory_service.store.tags import YES


class Fence(enum.Enum):
    """What had moved when nothing was written."""

    REVISION = "revision_moved"
    SESSION = "session_moved"


class MemoryStore:
    """Memories by key, and the one way to change them."""

    def __init__(
        self, redis: Redis, scripts: Scripts, space: Space = FIRST, quota: Quota = UNLIMITED
    ) -> None:
        """`quota` is what an owner may have."""
        self._quota = quota
        self._redis = redis
        self._scripts = scripts
        self._space = space

    async def get(self, owner: Owner, ids: Sequence[str]) -> dict[str, Memory]:
        """Return those of the memories that are there, by id."""
        keys = OwnerKeys(owner)
        async with self._redis.pipeline(transaction=False) as pipe:
            for memory_id in ids:
                pipe.hmget(keys.memory(memory_id), [records.BODY, self._space.embedded_field])
            rows = await pipe.execute()
        return {
            memory_id: _decode(owner, *row)
            for memory_id, row in zip(ids, rows, strict=True)
            if row[0] is not None
        }

    async def remembered(self, owner: Owner, request: RequestKey | None) -> bytes | None:
        """Return the first answer to a repeated request, None to a new one.

        Raises RequestIdReused.
        """
        return await remembered(self._redis, owner, request)

    async def job(self, owner: Owner, request: RequestKey | None, *, now: int) -> Job:
        """Return how far a request has come; one that has not begun begins now.

        Raises RequestIdReused.
        """
        begun = await read_job(self._redis, owner, request) if request else None
        return begun or Job(began=now)

    async def state(self, owner: Owner) -> OwnerState:
        """Return the owner's revision and last create time."""
        return _state(await self._redis.hmget(OwnerKeys(owner).state, _STATE))

    async def standing(self, owners: Sequence[Owner]) -> tuple[OwnerState, frozenset[str]]:
        """Return the first owner's state, and the names of all who talk with these owners."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.hmget(OwnerKeys(owners[0]).state, _STATE)
            for owner in owners:
                pipe.smembers(OwnerKeys(owner).speakers)
            state, *names = await pipe.execute()
        return _state(state), frozenset(name.decode() for each in names for name in each)

    async def known(self, owner: Owner, digests: Sequence[str], ids: Sequence[str]) -> Known:
        """Return what the owner knows of these facts and ids, as of the state that comes with it.

        What changes between the two reads here moves the revision, so the commit notices.
        """
        keys = OwnerKeys(owner)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hmget(keys.state, _STATE)
            if digests:
                pipe.hmget(keys.facts, list(digests))
                pipe.hmget(keys.deleted_facts, list(digests))
            state, *found = await pipe.execute()
        facts, deleted = found or ((), ())
        same = [fact.decode() if fact else "" for fact in facts]
        wanted = list({memory_id for memory_id in (*same, *ids) if memory_id})
        by_id = await self.get(owner, wanted) if wanted else {}
        by_digest = {
            digest: by_id[memory_id]
            for digest, memory_id in zip(digests, same, strict=True)
            if memory_id in by_id
        }
        tombs = [digest for digest, when in zip(digests, deleted, strict=True) if when]
        return Known(_state(state), by_digest, by_id, frozenset(tombs))

    async def commit(
        self,
        owner: Owner,
        plan: Plan,
        *,
        base: OwnerState,
        answer: bytes = b"",
        request: RequestKey | None = None,
        advance: SessionAdvance | None = None,
        job: Job | None = None,
        used: Mapping[str, int] | None = None,
        imported: Imported | None = None,
    ) -> bytes | Fence:
        """Write `plan`, made on top of `base`, and what goes with it; all or nothing.

        With `job` the request needs several commits: all but the last have no answer, and count
        what they delete. Given `used`, what was used at another time than it says is not deleted,
        as if the revision had moved. Returns `answer`, or the first answer if the request is a
        repeat, or the fence that did not hold. Raises QuotaExceeded, RequestIdReused.
        """

        def encoded() -> tuple[list[str], bytes]:
            # In a thread, perhaps: all that it looks at is frozen, or nobody's but this call's.
            argument = commit_argument(
                owner,
                plan,
                base=base,
                space=self._space,
                quota=self._quota,
                answer=answer,
                request=request,
                advance=advance,
                job=job,
                used=used,
                imported=imported,
            )
            return commit_keys(argument), pack(argument)

        keys, packed = await in_time(text_of(plan, imported), encoded)
        reply = await self._scripts.commit(keys, packed)
        if reply.status == "request_id_reused":
            raise RequestIdReused
        refuse_over_quota(reply)
        if reply.status in {fence.value for fence in Fence}:
            return Fence(reply.status)
        return reply.value

    async def unembedded(self, partitions: Sequence[str], count: int) -> list[str]:
        """Return keys of memories without a vector, up to `count` of each of these sets."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for key in partitions:
                pipe.srandmember(key, count)
            found = await pipe.execute()
        return [key.decode() for keys in found for key in keys]

    async def bodies(self, memory_keys: Sequence[str]) -> list[bytes | None]:
        """Return the memories' bodies as they are stored, None for what is gone."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for key in memory_keys:
                pipe.hget(key, records.BODY)
            return list(await pipe.execute())

    async def set_vector(
        self, memory_key: str, body: bytes, vector: bytes, space: Space | None = None
    ) -> bool:
        """Give a memory its vector unless its body has changed; say whether it was as expected.

        In a `space` that is not the one that is served, the memory goes on waiting for that one's.
        """
        unembedded = OwnerKeys(memory_owner_of(memory_key)).shared.unembedded
        into = space or self._space
        argument = {
            "key": memory_key,
            "unembedded": unembedded,
            "served": space is None,
            "body": body,
            "fields": [into.vector_field, vector, into.embedded_field, YES],
        }
        reply = await self._scripts.set_vector([memory_key, unembedded], argument)
        return reply.status == "done"


_STATE = ["revision", "last_created"]


def _state(values: Sequence[bytes | str | None]) -> OwnerState:
    return OwnerState(*(int(value or 0) for value in values))


def _decode(owner: Owner, body: bytes, embedded: bytes | None) -> Memory:
    fields = {records.BODY.encode(): body}
    if embedded:
        fields[EMBEDDED.encode()] = embedded
    return records.decode(owner, fields)
