from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from memory_service.domain.changes import Cause, Earlier
from memory_service.domain.failed_ranges import FailedRange
from memory_service.domain.memory import Memory, MemoryType, NewMemory, fact_digest
from memory_service.domain.owner import Owner, SessionRef
from memory_service.domain.reconcile import reconcile
from memory_service.domain.session import Message, NewMessage, Notes, Role, Session, Summary
from memory_service.domain.session_options import SessionOptions
from memory_service.domain.transfer import Counts, DeletedFact, Record, SessionHead, Waiting
from memory_service.exporting import Exporting
from memory_service.importing import Import, Importing, ImportProgress
from memory_service.keyed_locks import KeyedLocks
from memory_service.page_tokens import PageTokens
from memory_service.revisions import Revisions
from memory_service.store import schema
from memory_service.store.exports import ExportReader
from memory_service.store.history import EARLIER_KEPT, MemoryHistory
from memory_service.store.keys import OwnerKeys
from memory_service.store.session_imports import SessionImports
from tests.support.extraction import NOW, World, new_world
from tests.support.memories import ALICE, make
from tests.support.redis import DIMENSION


def importer(world: World, owner: Owner = ALICE) -> Import:
    """An import in a process of its own."""
    history = MemoryHistory(world.redis)
    sessions = SessionImports(world.redis)
    revisions = Revisions(world.memories)
    locks = KeyedLocks[Owner]()
    parts = Importing(world.memories, history, sessions, revisions, locks, world.clock)
    return parts.begin(owner)


async def exported(world: World, owner: Owner = ALICE) -> list[Record]:
    """What an export of the owner has, but for what is new after an import."""
    reader = ExportReader(world.redis, world.sessions)
    parts = Exporting(reader, PageTokens(b"s")).export(owner, arguments=b"", cursor="")
    return [plain(record) async for part in parts for record in part.records]


def plain(record: Record) -> Record:
    match record:
        case Memory():
            return replace(record, revision=0)
        case Earlier():
            return replace(record, memory=replace(record.memory, revision=0, embedded=False))
        case SessionHead(session):
            session = replace(session, generation=0, version=0, given_tail=0, given_cursor=0)
            return replace(record, session=replace(session, summarized=0))
        case _:
            return record


def state(memory: Memory, text: str, at: int) -> Earlier:
    return Earlier(replace(memory, text=text, updated=at - 1, revision=0), at, Cause.UPDATE)


def remembered(id_: str, states: int = 0, **fields: object) -> list[Record]:
    """A memory with so many earlier states."""
    memory = replace(make(id_, created=100, updated=200 + states), revision=0, **fields)
    return [memory, *(state(memory, f"{id_} before {n}", 200 + n) for n in range(states))]


def message(sequence: int, text: str = "", id_: str = "") -> Message:
    name = id_ or str(sequence)
    return Message(sequence, name, Role.USER, "Alice", text or f"fact {sequence}", 50 + sequence)


def conversation(
    name: str = "chat",
    messages: int = 3,
    *,
    extracted: int = 0,
    waiting: int = 0,
    ids: bool = False,
    failed: Sequence[FailedRange] = (),
    options: SessionOptions = SessionOptions(),  # noqa: B008
) -> list[Record]:
    session = Session(
        SessionRef(ALICE, name),
        *(0, 40, 60, 0),
        tail=messages,
        cursor=extracted,
        failed_ranges=tuple(failed),
        options=options,
    )
    memories = [NewMemory(f"w{n}", f"waits {n}", MemoryType.SEMANTIC) for n in range(waiting)]
    return [
        SessionHead(session, Notes('{"a":1}', "context"), Summary("so far", min(2, messages))),
        *(Waiting(memory) for memory in memories),
        *(message(n, id_=f"{name} {n}" if ids else "") for n in range(1, messages + 1)),
    ]


WHOLE: list[Record] = [
    *remembered("a", 3),
    *remembered("b"),
    *remembered("c", 1, superseded=150, superseded_by="d"),
    *remembered("d", 6, pinned=True, type=MemoryType.EPISODIC),
    *remembered("e", type=MemoryType.MESSAGE),
    *conversation("chat", 5, extracted=3, waiting=3, ids=True),
    *conversation("empty", 0),
    *conversation(
        "failed", 4, extracted=4, failed=[FailedRange(2, 2, "BAD", 70), FailedRange(3, 3, "B", 71)]
    ),
    DeletedFact("0" * 26),
    DeletedFact("1" * 26),
]


def shown(records: Sequence[Record]) -> list[Record]:
    return [
        replace(r, memory=replace(r.memory, sources=())) if isinstance(r, Waiting) else plain(r)
        for r in records
    ]


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


async def take(
    world: World, *records: Record, owner: Owner = ALICE, sizes: Sequence[int] = (1000,)
) -> ImportProgress:
    """Import the records, in batches of these sizes, over and over."""
    taking = importer(world, owner)
    rest, number = list(records), 0
    progress = ImportProgress(Counts(), 0)
    while rest:
        size = sizes[number % len(sizes)]
        progress = await taking.take(rest[:size])
        rest, number = rest[size:], number + 1
    return progress


@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    broken=st.lists(
        st.tuples(st.integers(0, len(WHOLE)), st.lists(st.integers(1, 30), min_size=1)),
        max_size=3,
    ),
    sizes=st.lists(st.integers(1, 30), min_size=1),
)
async def test_however_it_is_cut_and_broken_off_an_import_ends_the_same(
    redis: Redis, broken: list[tuple[int, list[int]]], sizes: list[int]
) -> None:
    await redis.flushall()
    await schema.ensure(redis, dimension=DIMENSION)
    world = await new_world(redis)
    done = 0
    for until, cut in broken:
        progress = await take(world, *WHOLE[:until], sizes=cut)
        assert progress.counts == Counts(until, min(done, until), 0)
        done = max(done, until)
    progress = await take(world, *WHOLE, sizes=sizes)
    assert progress.counts == Counts(len(WHOLE), done, 0)
    assert shown(await exported(world)) == shown(WHOLE)


async def test_all_of_an_import_is_there_at_once_and_again_it_is_all_duplicates(
    world: World,
) -> None:
    first = await take(world, *WHOLE)
    assert first.counts == Counts(len(WHOLE), 0, 0)
    again = await take(world, *WHOLE)
    assert again.counts == Counts(len(WHOLE), len(WHOLE), 0)
    assert again.revision == first.revision


async def test_two_imports_of_the_same_at_once_end_as_one(world: World) -> None:
    done = await asyncio.gather(
        *(take(world, *WHOLE, sizes=[size]) for size in (1, 2, 3)), return_exceptions=True
    )
    assert all(isinstance(each, ImportProgress) for each in done), done
    assert sum(each.counts.conflicts for each in done if isinstance(each, ImportProgress)) == 0
    assert shown(await exported(world)) == shown(WHOLE)


@pytest.mark.parametrize("sizes", [[100], [1], [2, 1]])
async def test_earlier_states_get_revisions_between_nothing_and_their_memorys(
    world: World, sizes: list[int]
) -> None:
    await take(world, *remembered("x"))
    await take(world, *remembered("m", 4), *remembered("n"), sizes=sizes)
    history = (await MemoryHistory(world.redis).kept(ALICE, ["m"]))["m"]
    memory = (await world.memories.get(ALICE, ["m"]))["m"]
    own = [earlier.memory.revision for _, earlier in history]
    places = [place for place, _ in history]
    assert [earlier.memory.text for _, earlier in history] == [f"m before {n}" for n in range(4)]
    assert own == sorted(set(own))
    assert own[1:] == places[:-1]
    assert own[0] > 0
    assert places[-1] <= memory.revision
    found = await MemoryHistory(world.redis).find(ALICE, "m", own[1])
    assert found is not None
    assert found.memory.text == "m before 1"


@pytest.mark.parametrize("sizes", [[1000], [7], [1]])
async def test_as_long_a_history_as_is_kept_is_imported_whole(
    world: World, sizes: list[int]
) -> None:
    records = remembered("m", EARLIER_KEPT)
    for duplicates in (0, len(records)):
        progress = await take(world, *records, sizes=sizes)
        assert progress.counts == Counts(len(records), duplicates, 0)
    assert shown(await exported(world)) == shown(records)


async def test_history_of_a_memory_that_was_deleted_here_is_not_told_twice(world: World) -> None:
    records = remembered("m", 2)
    await take(world, *records)
    await world.redis.delete(OwnerKeys(ALICE).memory("m"), OwnerKeys(ALICE).facts)
    progress = await take(world, *records)
    assert progress.counts == Counts(3, 2, 0)
    assert len((await MemoryHistory(world.redis).kept(ALICE, ["m"]))["m"]) == 2


async def test_states_of_a_memory_that_changed_meanwhile_are_left_out(world: World) -> None:
    memory, *states = remembered("m", 2)
    assert isinstance(memory, Memory)
    taking = importer(world)
    await taking.take([memory])
    known = await world.memories.known(ALICE, [], ["m"])
    new = NewMemory("n", "new", MemoryType.SEMANTIC, supersedes=("m",))
    plan = reconcile(ALICE, [new], known, NOW)
    await world.memories.commit(ALICE, plan, base=known.state)
    progress = await taking.take(states)
    assert progress.counts == Counts(3, 0, 2)


async def test_the_same_fact_under_another_id_is_a_duplicate_with_all_its_history(
    world: World,
) -> None:
    await take(world, *remembered("m"))
    (memory,) = remembered("m")
    assert isinstance(memory, Memory)
    other = replace(memory, id="other")
    progress = await take(world, other, state(other, "before", 150))
    assert progress.counts == Counts(2, 2, 0)
    assert [m.id for m in await world.stored()] == ["m"]
    # What was superseded is history, and says nothing now.
    old = replace(other, superseded=300, superseded_by="m")
    assert (await take(world, old)).counts == Counts(1, 0, 0)


async def test_a_time_to_come_does_not_push_the_times_of_others_forward(world: World) -> None:
    (memory,) = remembered("m")
    assert isinstance(memory, Memory)
    await take(world, replace(memory, created=NOW * 2, updated=NOW * 2))
    assert (await world.memories.state(ALICE)).last_created == NOW
    assert (await world.memories.get(ALICE, ["m"]))["m"].created == NOW * 2
    await take(world, *remembered("old"))
    assert (await world.memories.state(ALICE)).last_created == NOW


async def test_a_deleted_fact_that_is_said_here_stays_said(world: World) -> None:
    (memory,) = remembered("m")
    assert isinstance(memory, Memory)
    fact = DeletedFact(fact_digest(memory))
    assert (await take(world, memory, fact)).counts == Counts(2, 0, 1)
    tombs = OwnerKeys(ALICE).deleted_facts
    assert await world.redis.hlen(tombs) == 0
    assert (await take(world, DeletedFact("a" * 26), DeletedFact("a" * 26))).counts == (
        Counts(2, 1, 0)
    )
    assert await world.redis.hkeys(tombs) == [b"a" * 26]


async def test_what_is_imported_gets_its_vector_later_and_counts_as_used(world: World) -> None:
    await take(world, *remembered("m"), *remembered("said", type=MemoryType.MESSAGE))
    keys = OwnerKeys(ALICE)
    waiting = await world.memories.unembedded([keys.shared.unembedded], 10)
    assert keys.memory("m") in waiting
    assert await world.redis.zrange(keys.used, 0, -1, withscores=True) == [[b"m", float(NOW)]]


async def test_messages_that_had_not_been_extracted_are_noted_and_extracted(world: World) -> None:
    for sizes in ([1000], [1]):
        await take(world, *conversation("chat", 5, extracted=3), sizes=sizes)
    assert await world.waiting() >= 1
    await world.extraction().step(SessionRef(ALICE, "chat"))
    assert await world.texts() == ["fact 4", "fact 5"]


async def test_a_session_that_had_been_extracted_is_not_noted(world: World) -> None:
    await take(world, *conversation("chat", 3, extracted=3))
    assert await world.waiting() == 0
    failed = [FailedRange(1, 1, "BAD", 7, retrying=True)]
    await take(world, *conversation("again", 3, extracted=3, failed=failed))
    assert await world.waiting() == 1


async def test_a_session_that_is_not_whole_claims_nothing_of_what_is_to_come(
    world: World,
) -> None:
    failed = [FailedRange(3, 3, "BAD", 7)]
    records = conversation("chat", 4, extracted=4, failed=failed)
    await take(world, *records[:3])
    ref = SessionRef(ALICE, "chat")
    half = await world.sessions.whole(ref, 10)
    assert (half.session.tail, half.session.cursor, half.session.failed_ranges) == (2, 2, ())
    assert half.summary == Summary("", 0)
    assert await world.waiting() == 0
    await world.append("somebody goes on", ref=ref)
    assert (await world.sessions.get(ref)).pending == 1
    assert (await take(world, *records)).counts == Counts(5, 3, 2)


async def test_a_session_expires_when_it_would_have(world: World) -> None:
    options = SessionOptions(ttl=1_000_000)
    await take(world, *conversation("chat", 1, options=options))
    session = await world.sessions.get(SessionRef(ALICE, "chat"))
    assert (session.updated, session.expires) == (60, 1_000_060)
    keys = OwnerKeys(ALICE)
    assert await world.redis.zscore(keys.shared.expiry, keys.session("chat")) == 1_000_060


@pytest.mark.parametrize(
    "change",
    [
        lambda head: replace(head, notes=Notes("", "context")),
        lambda head: replace(head, notes=Notes('{"a":1}', "")),
        lambda head: replace(head, session=replace(head.session, created=41)),
        lambda head: replace(
            head, session=replace(head.session, options=SessionOptions(ttl=1_000_000))
        ),
    ],
)
async def test_a_session_with_another_state_is_left_alone(world: World, change) -> None:
    head, *rest = conversation()
    await take(world, head, *rest)
    before = await exported(world)
    assert (await take(world, change(head), *rest)).counts == Counts(4, 0, 4)
    assert await exported(world) == before


async def test_another_message_of_a_known_id_or_place_ends_the_session_there(
    world: World,
) -> None:
    head, *messages = conversation("chat", 3, ids=True)
    await take(world, head, *messages)
    other = message(2, "something else", "chat 2")
    progress = await take(world, head, messages[0], other, messages[2])
    assert progress.counts == Counts(4, 2, 2)
    progress = await take(world, head, *messages, message(4, "new", "chat 1"))
    assert progress.counts == Counts(5, 4, 1)


@pytest.mark.parametrize("made_anew", [False, True])
async def test_a_session_that_was_deleted_meanwhile_is_not_gone_on_with(
    world: World, made_anew: bool
) -> None:
    head, *messages = conversation()
    taking = importer(world)
    await taking.take([head, messages[0]])
    ref = SessionRef(ALICE, "chat")
    await world.sessions.delete(ref)
    if made_anew:
        await world.append("of another conversation", ref=ref)
    progress = await taking.take(messages[1:])
    assert progress.counts == Counts(4, 0, 2)
    found = await world.sessions.find(ref)
    assert (found.tail if found else 0) == made_anew


async def test_waiting_memories_that_were_promoted_meanwhile_are_not_put_back(
    world: World,
) -> None:
    records = conversation("chat", 0, waiting=2)
    await take(world, *records)
    await world.extraction().step(SessionRef(ALICE, "chat"))
    assert sorted(await world.texts()) == ["waits 0", "waits 1"]
    assert (await take(world, *records)).counts == Counts(3, 3, 0)
    session = await world.sessions.get(SessionRef(ALICE, "chat"))
    assert session.pending_memories == 0


async def test_an_imported_message_may_be_appended_again(world: World) -> None:
    await take(world, *conversation("chat", 1, ids=True))
    ref = SessionRef(ALICE, "chat")
    for created in (0, 51):
        new = NewMessage("chat 1", Role.USER, "Alice", "fact 1", created)
        assert (await world.sessions.append(ref, [new], now=NOW)).session.tail == 1
