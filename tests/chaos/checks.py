"""After a run, when all is mended and quiet: was every promise kept?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from redis.asyncio import Redis

from memory_service.domain.owner import Owner, OwnerKind
from memory_service.store import schema
from memory_service.store.commits import GROUP
from memory_service.store.connection import command
from memory_service.store.keys import INDEX_ALIAS, MEMORY_PREFIX, OwnerKeys, memory_id_of
from memory_service.store.queue import STREAMS
from tests.chaos.load import ALL_TYPES, SESSION, Keeper, Talker, Watcher, Worker, turn_of
from tests.chaos.record import Record, Size
from tests.support.client import Caller, Stub, comparable
from tests.support.redis import leaks
from tests.support.waiting import wait_until

_MIB = 1024 * 1024
_PAGE = 1000
_STUCK_SECONDS = 60.0
_LONG_SECONDS = 60.0
"""A shorter life is over before a process has its size: first calls load what they need."""

GROWTH_BYTES = 48 * _MIB
"""How much a process may grow in the last third of a life."""


async def quiet(redis: Redis, workers: Sequence[Worker]) -> None:
    """Wait until everything that was noted is dealt with; what is slow has time, as it goes on."""
    talkers = [worker for worker in workers if isinstance(worker, Talker)]
    before: object = None
    while (now := await _to_do(redis, talkers)) != before:
        if not any(now.values()):
            return
        before = now

        async def moved(seen: object = now) -> bool:
            return await _to_do(redis, talkers) != seen

        await wait_until(moved, f"anything dealt with of {now}", seconds=_STUCK_SECONDS)


async def _to_do(redis: Redis, talkers: Sequence[Talker]) -> dict[str, int]:
    """Count notices, memories without a vector, and messages of sessions that are not extracted."""
    async with redis.pipeline(transaction=False) as pipe:
        for stream in STREAMS:
            pipe.xlen(stream)
            pipe.scard(stream.replace("deltas", "unembedded"))
        counts = await pipe.execute()
    pending = 0
    for talker in talkers:
        keys = _keys(talker)
        cursor = int(await redis.hget(keys.session(SESSION), "cursor") or 0)
        pending += await redis.xlen(keys.log(SESSION)) - cursor
    return {"notices": sum(counts[::2]), "vectors": sum(counts[1::2]), "messages": pending}


async def left(redis: Redis) -> str:
    """What there still is to be done, for whoever looks into it."""
    found = []
    for stream in STREAMS:
        if await redis.xlen(stream):
            pending = await redis.xpending_range(stream, GROUP, "-", "+", 10)
            found.append(f"{stream}: {await redis.xrange(stream, count=10)}, handed out: {pending}")
        waiting = await redis.smembers(stream.replace("deltas", "unembedded"))
        found += [f"without a vector: {key!r}" for key in waiting]
    return "\n".join(found)


async def check(
    redis: Redis, workers: Sequence[Worker], stub: Stub, calm: Stub, record: Record
) -> None:
    """Note every promise that was broken."""
    for worker in workers:
        caller = _caller(stub, worker)
        if isinstance(worker, Talker):
            if (await caller.status(SESSION)).failed_ranges:
                record.breaks(f"{worker.user} has failed ranges")
            log = await whole_log(caller)
            check_log(worker, log, record)
            await _check_extraction(worker, caller, calm, log, record)
        elif isinstance(worker, Keeper):
            await _check_memories(worker, caller, record)
        elif isinstance(worker, Watcher):
            await worker.catch_up(caller)
            await _check_watch(worker, redis, record)
        await _check_index(worker, caller, redis, record)
    await _check_database(redis, record)
    check_sizes(record)


def _caller(stub: Stub, worker: Worker) -> Caller:
    return Caller(stub, user=worker.user, namespace="chaos")


async def whole_log(caller: Caller) -> list[memory_pb2.Message]:
    """Return all messages of the session, read backwards page by page."""
    found: list[memory_pb2.Message] = []
    request = pb.GetWorkingMemoryRequest(scope=caller.scope(SESSION), recent_messages=_PAGE)
    while True:
        answer = await caller.stub.GetWorkingMemory(request, timeout=60)
        found[:0] = answer.messages
        if not found or found[0].sequence == 1:
            return found
        request.before_sequence = found[0].sequence


def check_log(talker: Talker, log: Sequence[memory_pb2.Message], record: Record) -> None:
    if [message.sequence for message in log] != list(range(1, len(log) + 1)):
        record.breaks(f"the log of {talker.user} has gaps")
    turns = [turn_of(message) for message in log]
    twice = [turn for turn, count in Counter(turns).items() if count > 1]
    if twice:
        record.breaks(f"{talker.user}: turns {twice[:5]} were appended twice")
    if lost := set(talker.acknowledged) - set(turns):
        record.breaks(f"{talker.user}: acknowledged turns {sorted(lost)[:5]} are lost")
    known = set(talker.acknowledged)
    if [turn for turn in turns if turn in known] != talker.acknowledged:
        record.breaks(f"{talker.user}: acknowledged turns are out of order")
    if talker.steady and turns != list(range(talker.sent)):
        record.breaks(f"{talker.user}: the log is not what was sent")


async def _check_extraction(
    talker: Talker,
    caller: Caller,
    calm: Stub,
    log: Sequence[memory_pb2.Message],
    record: Record,
) -> None:
    """The owner knows what the same log teaches where nothing happens, byte for byte."""
    twin = _caller(calm, talker)
    for start in range(0, len(log), 100):
        batch = []
        for message in log[start : start + 100]:
            again = memory_pb2.Message()
            again.CopyFrom(message)
            again.ClearField("id")
            again.ClearField("sequence")
            batch.append(again)
        await twin.append(SESSION, batch)
    if log:
        request = pb.FlushSessionRequest(scope=twin.scope(SESSION))
        await calm.FlushSession(request, timeout=300)
    learned, expected = comparable(await caller.memories()), comparable(await twin.memories())
    if learned != expected:
        found, wanted = ({m.id: m for m in each} for each in (learned, expected))
        differing = [i for i in found.keys() & wanted.keys() if found[i] != wanted[i]]
        record.breaks(
            f"{talker.user} of {len(log)} turns learned {len(learned)} memories, not "
            f"{len(expected)}: {len(found.keys() - wanted.keys())} too many, "
            f"{len(wanted.keys() - found.keys())} too few, {len(differing)} other than they should"
        )


async def _check_memories(keeper: Keeper, caller: Caller, record: Record) -> None:
    memories = await caller.memories()
    texts = Counter(memory.text for memory in memories)
    if twice := [text for text, count in texts.items() if count > 1]:
        record.breaks(f"{keeper.user}: {len(twice)} memories are there twice")
    there = {memory.id: memory.text for memory in memories}
    if lost := [text for text, id_ in keeper.acknowledged.items() if there.get(id_) != text]:
        record.breaks(f"{keeper.user}: {len(lost)} acknowledged memories are lost: {lost[:3]}")
    if keeper.steady and len(memories) != keeper.tried:
        record.breaks(f"{keeper.user} has {len(memories)} memories, not {keeper.tried}")


async def _check_watch(watcher: Watcher, redis: Redis, record: Record) -> None:
    """What was told is the feed: nothing missed, nothing repeated."""
    entries = await redis.xrange(_keys(watcher).changes)
    feed = [(int(id_.partition(b"-")[0]), fields[b"id"].decode()) for id_, fields in entries]
    revision = int(await redis.hget(_keys(watcher).state, "revision") or 0)
    if feed and feed[-1][0] != revision:
        record.breaks(f"the feed of {watcher.user} ends before its revision")
    if watcher.told != feed:
        missed = set(feed) - set(watcher.told)
        record.breaks(
            f"a watch of {watcher.user} told {len(watcher.told)} changes of {len(feed)}, and "
            f"missed {sorted(missed)[:3]}"
        )


async def _check_index(worker: Worker, caller: Caller, redis: Redis, record: Record) -> None:
    """What a list by the index has is what hashes there are."""
    pattern = _keys(worker).memory("*").replace("%2A", "*")
    hashes = {memory_id_of(key.decode()) async for key in redis.scan_iter(pattern, count=1000)}
    request = pb.ListMemoriesRequest(
        scope=caller.scope(), types=ALL_TYPES, include_superseded=True, page_size=500
    )
    listed: list[str] = []
    while True:
        page = await caller.stub.ListMemories(request, timeout=60)
        listed += [memory.id for memory in page.memories]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    if sorted(listed) != sorted(hashes):
        record.breaks(f"{worker.user}: the index has {len(listed)} memories of {len(hashes)}")


async def _check_database(redis: Redis, record: Record) -> None:
    for leak in await leaks(redis):
        record.breaks(leak)
    if failures := await schema.indexing_failures(redis):
        record.breaks(f"the index refused {failures} memories")
    info = await command(redis, "FT.INFO", INDEX_ALIAS)
    hashes = [key async for key in redis.scan_iter(f"{MEMORY_PREFIX}*", count=1000)]
    if int(info[b"num_docs"]) != len(hashes):
        record.breaks(f"the index counts {info[b'num_docs']} memories of {len(hashes)}")


def check_sizes(record: Record) -> None:
    """In the end of a long life, a process is as large as it was in the middle of it."""
    lives: dict[tuple[str, int], list[Size]] = {}
    for size in record.sizes:
        lives.setdefault((size.name, size.life), []).append(size)
    for (name, life), sizes in lives.items():
        third = len(sizes) // 3
        middle, end = (max(s.bytes for s in part) for part in _middle_and_end(sizes, third))
        long = sizes[-1].seconds - sizes[0].seconds > _LONG_SECONDS
        if name != "redis" and long and end - middle > GROWTH_BYTES:
            record.breaks(
                f"{name} grew in its life {life} from {middle // _MIB} to {end // _MIB} MiB"
            )


def _middle_and_end(sizes: Sequence[Size], third: int) -> tuple[Sequence[Size], Sequence[Size]]:
    return sizes[third : 2 * third] or sizes, sizes[2 * third :]


def _keys(worker: Worker) -> OwnerKeys:
    return OwnerKeys(Owner("default", "chaos", OwnerKind.USER, worker.user))
