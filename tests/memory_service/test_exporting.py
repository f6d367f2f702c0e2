from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from memory_service import exporting
from memory_service.domain.changes import Earlier
from memory_service.domain.deleting import delete
from memory_service.domain.errors import InvalidPageToken, StoreUnavailable
from memory_service.domain.memory import Memory, MemoryType, NewMemory
from memory_service.domain.owner import Owner, SessionRef
from memory_service.domain.reconcile import reconcile
from memory_service.domain.session import Message
from memory_service.domain.transfer import DeletedFact, Record, SessionHead, Waiting
from memory_service.domain.updating import update
from memory_service.exporting import Exported, Exporting
from memory_service.page_tokens import PageTokens
from memory_service.store import exports, schema
from memory_service.store.exports import ExportReader
from memory_service.store.keys import OwnerKeys
from memory_service.store.memories import Fence
from tests.support.extraction import NOW, World, new_world, said
from tests.support.memories import ALICE, BOB
from tests.support.redis import DIMENSION

ARGUMENTS = b"arguments"
TOKENS = PageTokens(b"secret")


def exporter(world: World) -> Exporting:
    return Exporting(ExportReader(world.redis, world.sessions), TOKENS)


async def collect(world: World, cursor: str = "", owner: Owner = ALICE) -> list[Exported]:
    exported = exporter(world).export(owner, arguments=ARGUMENTS, cursor=cursor)
    return [each async for each in exported]


async def records(world: World, owner: Owner = ALICE) -> list[Record]:
    return [record for each in await collect(world, owner=owner) for record in each.records]


async def create(world: World, *ids: str, owner: Owner = ALICE) -> None:
    new = [NewMemory(id_, f"says {id_}", MemoryType.SEMANTIC) for id_ in ids]
    known = await world.memories.known(owner, [], ids)
    plan = reconcile(owner, new, known, world.clock.now())
    assert not isinstance(await world.memories.commit(owner, plan, base=known.state), Fence)


async def change(world: World, id_: str, text: str) -> None:
    known = await world.memories.known(ALICE, [], [id_])
    edit = update(known.by_id[id_], {"text": text}, None, known.state, world.clock.now())
    assert not isinstance(await world.memories.commit(ALICE, edit.plan, base=known.state), Fence)


async def remove(world: World, id_: str) -> None:
    known = await world.memories.known(ALICE, [], [id_])
    plan = delete(list(known.by_id.values()), known.state, world.clock.now())
    await world.memories.commit(ALICE, plan, base=known.state)


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


@pytest.fixture
async def rich(world: World) -> World:
    """Memories with and without history, sessions with messages and waiting memories, a tomb."""
    await create(world, *(f"m{n}" for n in range(12)))
    for n in range(6):
        await change(world, f"m{n % 3}", f"changed {n}")
    await remove(world, "m9")
    for name in ("b", "a", "é"):
        ref = SessionRef(ALICE, name)
        waiting = [NewMemory(f"w{n}", f"waits {n}", MemoryType.SEMANTIC) for n in range(3)]
        await world.sessions.append(ref, said("one", "two", "three"), now=NOW, memories=waiting)
    return world


async def test_records_come_in_the_order_of_the_contract(rich: World) -> None:
    found = await records(rich)
    memories = [r.id for r in found if isinstance(r, Memory)]
    assert memories == sorted(f"m{n}" for n in range(12) if n != 9)
    assert [r.session.ref.session_id for r in found if isinstance(r, SessionHead)] == [
        *("a", "b", "é")
    ]
    kinds = [type(r).__name__ for r in found]
    assert kinds[:4] == ["Memory", "Earlier", "Earlier", "Memory"]
    session = ["SessionHead", *["Waiting"] * 3, *["Message"] * 3]
    assert kinds[-22:] == [*session * 3, "DeletedFact"]
    states = [r for r in found if isinstance(r, Earlier)]
    assert [s.memory.text for s in states[:2]] == ["says m0", "changed 0"]


async def test_other_owners_are_not_in_it(rich: World) -> None:
    assert await records(rich, owner=BOB) == []


@pytest.mark.parametrize("most", [1, 2, 3, 7, 1000])
async def test_from_any_cursor_on_the_rest_is_the_same(
    rich: World, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    whole = await records(rich)
    monkeypatch.setattr(exporting, "MOST_RECORDS", most)
    monkeypatch.setattr(exports, "MEMORIES", 2)
    monkeypatch.setattr(exports, "NAMES", 2)
    monkeypatch.setattr(exporting, "MESSAGES", 2)
    parts = await collect(rich)
    assert [record for part in parts for record in part.records] == whole
    assert [part.cursor == "" for part in parts] == [*[False] * (len(parts) - 1), True]
    for number, part in enumerate(parts[:-1], 1):
        rest = await collect(rich, part.cursor)
        assert [record for each in rest for record in each.records] == whole[number * most :]
        assert rest[-1].count == len(whole)


async def test_progress_counts_up_to_the_total(
    rich: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "MOST_RECORDS", 1)
    parts = await collect(rich)
    assert [part.count for part in parts] == [*range(1, len(parts) + 1)]
    assert all(part.total >= part.count for part in parts)
    assert all(before.total <= after.total for before, after in pairwise(parts))
    # History and what waits is counted when it is found, the rest from the beginning.
    assert parts[0].total == len(parts) - 6 - 9
    assert parts[-1].total == len(parts)


async def test_a_response_has_no_more_than_fits(
    rich: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "RESPONSE_BYTES", 2000)
    parts = await collect(rich)
    assert len(parts) > 10
    sizes = [sum(map(exporting.record_bytes, part.records)) for part in parts]
    assert all(
        size <= 2000 or len(part.records) == 1 for size, part in zip(sizes, parts, strict=True)
    )


OPERATIONS = st.sampled_from(["create", "change", "remove", "say", "drop", "make", "tomb"])


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    data=st.data(),
    most=st.integers(1, 4),
    resume=st.booleans(),
)
async def test_what_does_not_change_is_in_an_export_exactly_once(
    redis: Redis, data: st.DataObject, most: int, resume: bool
) -> None:
    await redis.flushall()
    await schema.ensure(redis, dimension=DIMENSION)
    world = await new_world(redis)
    stay = {f"s{n}" for n in range(6)}
    await create(world, *stay, *(f"g{n}" for n in range(4)))
    sessions = {"quiet", "loud"}
    for name in (*sessions, "goes"):
        await world.append("one", "two", "three", ref=SessionRef(ALICE, name))
    seen: list[Record] = []
    made: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for module, name in (
            (exporting, "MOST_RECORDS"),
            (exports, "MEMORIES"),
            (exporting, "MESSAGES"),
        ):
            patch.setattr(module, name, most)
        cursor = ""
        while True:
            exported = exporter(world).export(ALICE, arguments=ARGUMENTS, cursor=cursor)
            async with aclosing(exported):
                async for part in exported:
                    seen += part.records
                    cursor = part.cursor
                    for _ in range(data.draw(st.integers(0, 2))):
                        await disturb(world, data.draw(OPERATIONS), made)
                    if resume and cursor:
                        break
            if not cursor:
                break
    memories = [r.id for r in seen if isinstance(r, Memory)]
    assert len(memories) == len(set(memories))
    assert stay <= set(memories)
    heads = [r.session.ref.session_id for r in seen if isinstance(r, SessionHead)]
    assert sorted({*heads} & sessions) == sorted(sessions)
    assert len(heads) == len(set(heads))
    first = next(
        i for i, r in enumerate(seen) if isinstance(r, SessionHead) and r.session.ref == QUIET
    )
    quiet = seen[first + 1 : first + 4]
    assert [r.content for r in quiet if isinstance(r, Message)] == ["one", "two", "three"]


QUIET = SessionRef(ALICE, "quiet")


async def disturb(world: World, operation: str, made: list[str]) -> None:
    """Change something, but nothing of what stays."""
    known = await world.memories.get(ALICE, [f"g{n}" for n in range(4)])
    match operation:
        case "create":
            # Before, between and after what is there.
            made.append(f"{'agz'[len(made) % 3]}x{len(made)}")
            await create(world, made[-1])
        case "change" if known:
            await change(world, min(known), f"changed {len(made)} {world.clock.now()}")
            world.clock.time += 1
        case "remove" if known:
            await remove(world, max(known))
        case "say":
            await world.append("more", ref=SessionRef(ALICE, "loud"))
        case "drop":
            made.append("drop")
            if await world.redis.exists(OwnerKeys(ALICE).session("goes")):
                await world.sessions.delete(SessionRef(ALICE, "goes"))
        case "make":
            await world.append("one", ref=SessionRef(ALICE, "goes"))
        case "tomb" if made and not made[-1].startswith("drop"):
            await remove(world, made[-1])


async def test_a_session_never_claims_to_be_extracted_without_the_memories(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A memory whose id has been passed when it was extracted is in the export all the same."""
    await create(world, "zzz 1", "zzz 2")
    await world.append("said before")
    monkeypatch.setattr(exporting, "MOST_RECORDS", 1)
    exported = exporter(world).export(ALICE, arguments=ARGUMENTS, cursor="")
    found = list((await anext(exported)).records)
    await world.extraction().step(SessionRef(ALICE, "chat"))
    found += [record async for part in exported for record in part.records]
    (head,) = [r for r in found if isinstance(r, SessionHead)]
    assert head.session.cursor == 1
    assert [r.text for r in found if isinstance(r, Memory)] == [
        *("says zzz 1", "says zzz 2", "said before", "said before")
    ]


async def test_a_session_that_is_made_anew_while_it_is_read_ends_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.append("one", "two", "three")
    monkeypatch.setattr(exporting, "MOST_RECORDS", 1)
    monkeypatch.setattr(exporting, "MESSAGES", 1)
    exported = exporter(world).export(ALICE, arguments=ARGUMENTS, cursor="")
    found = list((await anext(exported)).records) + list((await anext(exported)).records)
    await world.sessions.delete(SessionRef(ALICE, "chat"))
    await world.append("other one", "other two", "other three")
    rest = [record async for part in exported for record in part.records]
    contents = [r.content for r in (*found, *rest) if isinstance(r, Message)]
    assert contents == ["one", "two"][: len(contents)]
    assert "other two" not in contents


async def test_history_that_comes_after_its_memory_was_exported_is_left_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create(world, "m")
    await change(world, "m", "second")
    monkeypatch.setattr(exporting, "MOST_RECORDS", 1)
    first = (await collect(world))[0]
    await change(world, "m", "third")
    rest = await collect(world, first.cursor)
    states = [r for part in rest for r in part.records if isinstance(r, Earlier)]
    (memory,) = first.records
    assert isinstance(memory, Memory)
    assert memory.text == "second"
    assert [s.memory.text for s in states] == ["says m"]


async def test_waiting_memories_follow_their_session_from_any_cursor(world: World) -> None:
    waiting = [NewMemory(f"w{n}", f"waits {n}", MemoryType.SEMANTIC) for n in range(3)]
    ref = SessionRef(ALICE, "chat")
    await world.sessions.append(ref, said("one"), now=NOW, memories=waiting)
    found = [r.memory.id for r in await records(world) if isinstance(r, Waiting)]
    assert found == ["w0", "w1", "w2"]


async def test_an_export_that_the_server_ends_has_a_cursor_to_go_on_from(
    rich: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await records(rich)
    monkeypatch.setattr(exporting, "MOST_RECORDS", 4)
    stopping = exporter(rich)
    exported = stopping.export(ALICE, arguments=ARGUMENTS, cursor="")
    parts = [await anext(exported)]
    await stopping.close()
    parts += [part async for part in exported]
    assert parts[-1].cursor
    assert len(parts) == 2 or len(parts) == 1
    rest = await collect(rich, parts[-1].cursor)
    assert [record for part in (*parts, *rest) for record in part.records] == whole


async def test_nothing_is_read_before_what_was_read_is_taken(
    rich: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "MOST_RECORDS", 1)
    monkeypatch.setattr(exports, "MEMORIES", 1)
    read: list[str] = []
    memories = ExportReader.memories

    async def noting(self: ExportReader, *arguments: object) -> object:
        found = await memories(self, *arguments)  # type: ignore[arg-type]
        read.extend(each.id for each in found)
        return found

    monkeypatch.setattr(ExportReader, "memories", noting)
    exported = exporter(rich).export(ALICE, arguments=ARGUMENTS, cursor="")
    async with aclosing(exported):
        await anext(exported)
        await anext(exported)
        assert len(read) <= 2


async def test_nothing_is_exported_while_memories_are_being_indexed(
    rich: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def indexing(*_: object) -> bool:
        return True

    monkeypatch.setattr(schema, "indexing", indexing)
    with pytest.raises(StoreUnavailable):
        await collect(rich)


async def test_a_cursor_is_good_for_its_arguments_only(
    rich: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "MOST_RECORDS", 1)
    cursor = (await collect(rich))[0].cursor
    with pytest.raises(InvalidPageToken):
        await anext(exporter(rich).export(ALICE, arguments=b"others", cursor=cursor))


async def test_an_owner_who_has_nothing_gives_one_empty_answer(world: World) -> None:
    assert await collect(world) == [Exported((), "", 0, 0)]


async def test_deleted_facts_are_exported_by_their_digest(rich: World) -> None:
    (fact,) = [r for r in await records(rich) if isinstance(r, DeletedFact)]
    stored = await rich.redis.hkeys(OwnerKeys(ALICE).deleted_facts)
    assert [fact.digest.encode()] == stored


async def test_all_of_a_memory_is_exported(rich: World) -> None:
    stored = {memory.id: memory for memory in await rich.stored()}
    exported = {r.id: r for r in await records(rich) if isinstance(r, Memory)}
    assert exported == {id_: replace(memory, embedded=False) for id_, memory in stored.items()}
