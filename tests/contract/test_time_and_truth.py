"""What was true, what was known, what took whose place, and what was deleted for good."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from redis.asyncio import Redis

from tests.contract.refusals import (
    BadCall,
    assert_refused_without_a_trace,
    each_of,
    invalid,
)
from tests.contract.seed import Seed, said, session_of
from tests.contract.test_watching import take, watch

PARIS, BERLIN = "Alice lives in Paris.", "Alice lives in Berlin."
LONG_AGO, BEFORE, MOVED, AFTER = (Timestamp(seconds=n) for n in (1_000, 1_600, 1_700, 1_800))
JUST_BEFORE_MOVED = Timestamp(seconds=1_699, nanos=999_999_000)


@pytest.fixture
def scope(new_scope: Callable[[], memory_pb2.Scope]) -> memory_pb2.Scope:
    return new_scope()


async def create(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, **fields: Any
) -> pb.CreateResult:
    request = pb.CreateMemoriesRequest(scope=scope, memories=[memory_pb2.Memory(**fields)])
    (result,) = (await memory.CreateMemories(request)).results
    return result


async def paris(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, **fields: Any
) -> memory_pb2.Memory:
    return (await create(memory, scope, **{"id": "paris", "text": PARIS, **fields})).memory


async def berlin(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, **fields: Any
) -> pb.CreateResult:
    values = {"id": "berlin", "text": BERLIN, "supersedes": ["paris"], **fields}
    return await create(memory, scope, **values)


async def get(memory: MemoryServiceStub, scope: memory_pb2.Scope, id_: str) -> memory_pb2.Memory:
    return (await memory.GetMemory(pb.GetMemoryRequest(scope=scope, id=id_))).memory


async def listed(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, **options: Any
) -> list[memory_pb2.Memory]:
    found = await memory.ListMemories(pb.ListMemoriesRequest(scope=scope, **options))
    assert found.total_size == len(found.memories)
    return sorted(found.memories, key=lambda each: each.id)


async def found(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, **options: Any
) -> list[memory_pb2.Memory]:
    request = pb.SearchMemoriesRequest(
        scope=scope,
        query="Where does Alice live?",
        options=memory_pb2.SearchOptions(**options),
    )
    return sorted(
        (hit.memory for hit in (await memory.SearchMemories(request)).hits),
        key=lambda each: each.id,
    )


async def everywhere(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, **options: Any
) -> list[memory_pb2.Memory]:
    """What a list gives, and a search, and a prompt: the same."""
    of_list = await listed(memory, scope, **options)
    assert await found(memory, scope, **options) == of_list
    prompt = await memory.BuildPrompt(
        pb.BuildPromptRequest(
            scope=scope, query="Alice?", options=memory_pb2.SearchOptions(**options)
        )
    )
    assert sorted((hit.memory for hit in prompt.hits), key=lambda each: each.id) == of_list
    return of_list


async def ids(memory: MemoryServiceStub, scope: memory_pb2.Scope, **options: Any) -> list[str]:
    return [each.id for each in await everywhere(memory, scope, **options)]


def valid_at(time: Timestamp) -> memory_pb2.AsOf:
    return memory_pb2.AsOf(valid_time=time)


def known_at(time: Timestamp) -> memory_pb2.AsOf:
    return memory_pb2.AsOf(record_time=time)


async def test_a_new_memory_takes_the_place_of_an_old_one(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    before = await paris(memory, scope)
    result = await berlin(memory, scope, supersede_reason="She moved.", valid_from=MOVED)
    assert result.outcome == pb.CREATE_OUTCOME_SUPERSEDING
    assert list(result.memory.supersedes) == ["paris"]
    assert (result.memory.superseded_by, result.memory.supersede_reason) == ("", "")
    assert result.memory == await get(memory, scope, "berlin")

    old = await get(memory, scope, "paris")
    assert (old.superseded_by, old.supersede_reason) == ("berlin", "She moved.")
    assert (old.supersede_time, old.valid_to) == (old.update_time, MOVED)
    assert old.supersede_time.ToMicroseconds() >= before.create_time.ToMicroseconds()
    assert old.create_time == before.create_time
    history = await memory.ListMemoryRevisions(
        pb.ListMemoryRevisionsRequest(scope=scope, id="paris")
    )
    (state,) = history.revisions
    assert (state.cause, state.replace_time) == (
        pb.REVISION_CAUSE_SUPERSEDE,
        old.supersede_time,
    )
    assert (state.memory.text, state.memory.superseded_by) == (PARIS, "")


async def test_searches_and_lists_leave_out_what_was_superseded_unless_told_to(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await paris(memory, scope)
    await berlin(memory, scope)
    assert await ids(memory, scope) == ["berlin"]
    assert await ids(memory, scope, include_superseded=True) == ["berlin", "paris"]
    gone = memory_pb2.Presence(time=memory_pb2.TIME_FIELD_SUPERSEDE_TIME)
    only = memory_pb2.Filter(must=[memory_pb2.Condition(exists=gone)])
    assert await ids(memory, scope, filter=only) == []
    assert await ids(memory, scope, filter=only, include_superseded=True) == ["paris"]


async def test_what_is_over_is_left_out_and_what_is_to_begin_is_not(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    future = Timestamp(seconds=32_503_680_000)
    await create(memory, scope, id="over", text="Alice lived in Rome.", valid_to=MOVED)
    await create(memory, scope, id="ends", text="Alice rents a flat.", valid_to=future)
    await create(memory, scope, id="begins", text="Alice will live in Oslo.", valid_from=future)
    assert await ids(memory, scope) == ["begins", "ends"]
    assert await ids(memory, scope, include_superseded=True) == ["begins", "ends", "over"]


async def test_what_was_superseded_is_restored(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await paris(memory, scope)
    await berlin(memory, scope)
    restored = await memory.RestoreMemory(pb.RestoreMemoryRequest(scope=scope, id="paris"))
    assert (restored.memory.superseded_by, restored.memory.supersede_reason) == ("", "")
    assert not restored.memory.HasField("supersede_time")
    assert not restored.memory.HasField("valid_to")
    assert await ids(memory, scope) == ["berlin", "paris"]


async def test_the_words_of_what_was_superseded_can_be_said_again(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await paris(memory, scope)
    await berlin(memory, scope)
    again = await create(memory, scope, id="back", text=PARIS, supersedes=["berlin"])
    assert again.outcome == pb.CREATE_OUTCOME_SUPERSEDING
    assert await ids(memory, scope) == ["back"]


async def test_what_is_known_already_may_take_the_place(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await paris(memory, scope)
    await create(memory, scope, id="known", text=BERLIN)
    result = await berlin(memory, scope)
    assert (result.outcome, result.memory.id) == (pb.CREATE_OUTCOME_SUPERSEDING, "known")
    assert await ids(memory, scope) == ["known"]
    same = await create(memory, scope, text=BERLIN, supersedes=["known"])
    assert (same.outcome, same.memory.id) == (pb.CREATE_OUTCOME_DUPLICATE, "known")


async def test_what_is_not_there_cannot_be_superseded(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, new_scope: Callable[[], memory_pb2.Scope]
) -> None:
    await paris(memory, scope)
    other = new_scope()
    for of, supersedes in ((scope, ["paris", "no"]), (scope, ["no"]), (other, ["paris"])):
        result = await berlin(memory, of, supersedes=supersedes)
        assert result.outcome == pb.CREATE_OUTCOME_SUPERSEDED_MISSING
        assert not result.HasField("memory")
    assert await ids(memory, scope) == ["paris"]
    assert await ids(memory, other) == []
    await berlin(memory, scope)
    again = await create(memory, scope, text="Alice lives in Oslo.", supersedes=["paris"])
    assert again.outcome == pb.CREATE_OUTCOME_SUPERSEDED_MISSING


async def test_a_repeated_supersession_is_done_once(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await paris(memory, scope)
    new = memory_pb2.Memory(text=BERLIN, supersedes=["paris"], supersede_reason="moved")
    request = pb.CreateMemoriesRequest(scope=scope, memories=[new], request_id="r")
    first = await memory.CreateMemories(request)
    assert await memory.CreateMemories(request) == first
    assert first.results[0].memory == await get(memory, scope, first.results[0].memory.id)


async def test_what_took_a_place_already_is_a_duplicate_when_it_is_written_again(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await paris(memory, scope)
    first = await berlin(memory, scope)
    again = await berlin(memory, scope)
    assert (again.outcome, again.memory) == (pb.CREATE_OUTCOME_DUPLICATE, first.memory)
    await create(memory, scope, id="oslo", text="Alice lives in Oslo.", supersedes=["berlin"])
    again = await berlin(memory, scope)
    assert again.outcome == pb.CREATE_OUTCOME_DUPLICATE
    assert again.memory == await get(memory, scope, "berlin")
    assert again.memory.superseded_by == "oslo"


async def test_a_watch_tells_what_was_superseded(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await paris(memory, scope)
    async with watch(memory, scope) as call:
        await take(call, 1)
        await berlin(memory, scope)
        answers = await take(call, 2)
    kinds = {each.change.memory_id: each.change.kind for each in answers}
    assert kinds == {"paris": pb.CHANGE_KIND_SUPERSEDED, "berlin": pb.CHANGE_KIND_CREATED}
    (old,) = [each.change.memory for each in answers if each.change.memory_id == "paris"]
    assert old.superseded_by == "berlin"


async def test_a_deletion_by_filter_takes_what_was_superseded_too(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await paris(memory, scope, topics=["home"])
    await berlin(memory, scope, topics=["home"])
    tag = memory_pb2.TagCondition(field=memory_pb2.TAG_FIELD_TOPIC, equals="home")
    given = memory_pb2.Filter(must=[memory_pb2.Condition(tag=tag)])
    for dry_run in (True, False):
        request = pb.DeleteMemoriesRequest(scope=scope, filter=given, dry_run=dry_run)
        assert (await memory.DeleteMemories(request)).deleted_count == 2
    assert await ids(memory, scope, include_superseded=True) == []


async def test_what_was_true_at_a_time(memory: MemoryServiceStub, scope: memory_pb2.Scope) -> None:
    await paris(memory, scope, valid_from=LONG_AGO)
    await berlin(memory, scope, valid_from=MOVED)
    await create(memory, scope, id="always", text="Alice is left-handed.")
    for time, expected in (
        (Timestamp(seconds=999), ["always"]),
        (LONG_AGO, ["always", "paris"]),
        (JUST_BEFORE_MOVED, ["always", "paris"]),
        (MOVED, ["always", "berlin"]),
        (AFTER, ["always", "berlin"]),
    ):
        assert await ids(memory, scope, as_of=valid_at(time)) == expected, time
    (_, old) = await everywhere(memory, scope, as_of=valid_at(BEFORE))
    assert (old.id, old.superseded_by) == ("paris", "berlin")


async def test_what_was_known_at_a_time_is_shown_as_it_was_then(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    first = await paris(memory, scope, topics=["home"])
    time_1 = first.create_time
    snapshot_1 = await everywhere(memory, scope)
    second = await memory.UpdateMemory(
        pb.UpdateMemoryRequest(
            scope=scope,
            memory=memory_pb2.Memory(id="paris", text="Alice lives in Paris, alone."),
            update_mask=FieldMask(paths=["text", "topics"]),
        )
    )
    snapshot_2 = await everywhere(memory, scope)
    third = (await berlin(memory, scope)).memory
    snapshot_3 = await everywhere(memory, scope)
    await create(memory, scope, id="later", text="Alice plays chess.")

    assert await ids(memory, scope, as_of=known_at(_shifted(time_1, -1))) == []
    for time, snapshot in (
        (time_1, snapshot_1),
        (_shifted(second.memory.update_time, -1), snapshot_1),
        (second.memory.update_time, snapshot_2),
        (_shifted(third.update_time, -1), snapshot_2),
        (third.update_time, snapshot_3),
    ):
        assert await everywhere(memory, scope, as_of=known_at(time)) == snapshot
    assert snapshot_1 == [first]
    whole = await listed(memory, scope, as_of=known_at(third.update_time), include_superseded=True)
    assert [each.id for each in whole] == ["berlin", "paris"]


async def test_what_was_taken_for_true_at_a_time_before_it_was_known_better(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    old = await paris(memory, scope, valid_from=LONG_AGO)
    new = (await berlin(memory, scope, valid_from=MOVED)).memory
    then = memory_pb2.AsOf(valid_time=AFTER, record_time=old.create_time)
    assert await everywhere(memory, scope, as_of=then) == [old]
    now = memory_pb2.AsOf(valid_time=AFTER, record_time=new.update_time)
    assert await ids(memory, scope, as_of=now) == ["berlin"]
    earlier = memory_pb2.AsOf(valid_time=BEFORE, record_time=new.update_time)
    assert await ids(memory, scope, as_of=earlier) == ["paris"]


async def test_an_end_that_was_given_counts_as_known_from_the_start(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    old = await paris(memory, scope, valid_to=MOVED)
    await berlin(memory, scope, valid_from=AFTER)
    assert (await get(memory, scope, "paris")).valid_to == MOVED
    then = memory_pb2.AsOf(valid_time=AFTER, record_time=old.create_time)
    assert await ids(memory, scope, as_of=then) == []


async def test_pages_of_the_past_neither_miss_nor_repeat(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    new = [memory_pb2.Memory(id=f"m{n}", text=f"Alice owns {n} books.") for n in range(7)]
    created = await memory.CreateMemories(pb.CreateMemoriesRequest(scope=scope, memories=new))
    time = max(r.memory.create_time.ToMicroseconds() for r in created.results)
    for n in range(0, 7, 2):
        await create(memory, scope, text=f"Alice owns {n}0 books.", supersedes=[f"m{n}"])
    past = known_at(Timestamp(seconds=time // 10**6, nanos=time % 10**6 * 1000))
    request = pb.ListMemoriesRequest(scope=scope, as_of=past, page_size=3)
    seen = []
    while True:
        page = await memory.ListMemories(request)
        assert page.total_size == 7
        seen += page.memories
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    assert {each.id: each for each in seen} == {r.memory.id: r.memory for r in created.results}
    assert len(seen) == 7


async def test_another_owners_past_is_never_shown(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, new_scope: Callable[[], memory_pb2.Scope]
) -> None:
    await paris(memory, scope)
    now = (await berlin(memory, scope)).memory.update_time
    for as_of in (known_at(now), valid_at(now)):
        assert await ids(memory, new_scope(), as_of=as_of) == []


async def test_a_deleted_fact_is_not_extracted_again(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    chat = session_of(scope, "chat")

    async def say(text: str) -> None:
        message = said(text, name="Alice")
        await memory.AppendMessages(pb.AppendMessagesRequest(scope=chat, messages=[message]))
        await memory.FlushSession(pb.FlushSessionRequest(scope=chat))

    await say("I live in Oslo.")
    (first,) = await listed(memory, scope)
    await memory.DeleteMemories(pb.DeleteMemoriesRequest(scope=scope, ids=[first.id]))
    await say("I live in Oslo.")
    await say("I keep bees.")
    assert [each.text for each in await listed(memory, scope)] == ["Alice keeps bees."]

    again = await create(memory, scope, text=first.text)
    assert again.outcome == pb.CREATE_OUTCOME_CREATED
    await say("I live in Oslo.")
    assert len((await get(memory, scope, again.memory.id)).sources) == 1

    await memory.DeleteMemories(pb.DeleteMemoriesRequest(scope=scope, ids=[again.memory.id]))
    restored = await memory.RestoreMemory(pb.RestoreMemoryRequest(scope=scope, id=again.memory.id))
    assert restored.memory.text == first.text
    await say("I live in Oslo.")
    texts = [each.text for each in await listed(memory, scope)]
    assert sorted(texts) == ["Alice keeps bees.", first.text]


async def test_when_a_memory_is_true_is_kept_changed_and_cleared(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    created = await paris(memory, scope, valid_from=LONG_AGO, valid_to=AFTER)
    assert (created.valid_from, created.valid_to) == (LONG_AGO, AFTER)

    async def update(*paths: str, **fields: Any) -> memory_pb2.Memory:
        request = pb.UpdateMemoryRequest(
            scope=scope,
            memory=memory_pb2.Memory(id="paris", **fields),
            update_mask=FieldMask(paths=paths),
        )
        return (await memory.UpdateMemory(request)).memory

    changed = await update("valid_from", "valid_to", valid_from=BEFORE, valid_to=MOVED)
    assert (changed.valid_from, changed.valid_to) == (BEFORE, MOVED)
    assert await ids(memory, scope) == []
    cleared = await update("valid_to", "valid_from")
    assert not cleared.HasField("valid_from")
    assert not cleared.HasField("valid_to")
    assert await ids(memory, scope) == ["paris"]
    assert await ids(memory, scope, as_of=valid_at(Timestamp(seconds=-5))) == ["paris"]


def creating(**fields: Any) -> Callable[[Seed], pb.CreateMemoriesRequest]:
    given = memory_pb2.Memory(**{"text": "Alice lives in Oslo.", **fields})
    return lambda seed: pb.CreateMemoriesRequest(scope=seed.user, memories=[given])


def updating(**fields: Any) -> Callable[[Seed], pb.UpdateMemoryRequest]:
    return lambda seed: pb.UpdateMemoryRequest(
        scope=seed.user,
        memory=memory_pb2.Memory(id=seed.memory_ids[0], **fields),
        update_mask=FieldMask(paths=fields),
    )


def looking(**options: Any) -> list[Callable[[Seed], Any]]:
    given = memory_pb2.SearchOptions(**options)
    return [
        lambda seed: pb.ListMemoriesRequest(scope=seed.user, **options),
        lambda seed: pb.SearchMemoriesRequest(scope=seed.user, query="x", options=given),
        lambda seed: pb.BuildPromptRequest(scope=seed.user, query="x", options=given),
    ]


BAD_TIME = Timestamp(nanos=-1)
UNKNOWN: Any = 99
VIEWS = {
    "as_of": {"as_of": memory_pb2.AsOf()},
    "as_of.valid_time": {"as_of": valid_at(BAD_TIME)},
    "as_of.record_time": {"as_of": known_at(BAD_TIME)},
    "include_superseded": {"as_of": valid_at(MOVED), "include_superseded": True},
}


@each_of(
    *(
        (f"{method}: {path}", call, invalid(f"{prefix}{path}"))
        for path, options in VIEWS.items()
        for method, prefix, call in zip(
            ("list", "search", "prompt"),
            ("", "options.", "options."),
            looking(**options),
            strict=True,
        )
    ),
    (
        "it ends before it begins",
        creating(valid_from=AFTER, valid_to=MOVED),
        invalid("memories[0].valid_to"),
    ),
    (
        "it ends as it begins",
        creating(valid_from=MOVED, valid_to=MOVED),
        invalid("memories[0].valid_to"),
    ),
    (
        "a beginning that is no time",
        creating(valid_from=BAD_TIME),
        invalid("memories[0].valid_from"),
    ),
    ("an end that is no time", creating(valid_to=BAD_TIME), invalid("memories[0].valid_to")),
    (
        "an unknown precision",
        creating(event_time=memory_pb2.EventTime(time=MOVED, precision=UNKNOWN)),
        invalid("memories[0].event_time.precision"),
    ),
    (
        "33 to supersede",
        creating(supersedes=[f"m{n}" for n in range(33)]),
        invalid("memories[0].supersedes"),
    ),
    ("no id to supersede", creating(supersedes=["m", ""]), invalid("memories[0].supersedes[1]")),
    (
        "a reason without anything to supersede",
        creating(supersede_reason="moved"),
        invalid("memories[0].supersede_reason"),
    ),
    (
        "a reason too long",
        creating(supersede_reason="x" * 257, supersedes=["m"]),
        invalid("memories[0].supersede_reason"),
    ),
    (
        "an update to an end before the beginning",
        updating(valid_from=AFTER, valid_to=MOVED),
        invalid("memory.valid_to"),
    ),
    ("an update to no time", updating(valid_from=BAD_TIME), invalid("memory.valid_from")),
    (
        "an update to an unknown precision",
        updating(event_time=memory_pb2.EventTime(time=MOVED, precision=UNKNOWN)),
        invalid("memory.event_time.precision"),
    ),
    (
        "an update of what supersedes what",
        updating(supersedes=["m"]),
        invalid("update_mask.paths[0]"),
    ),
)
async def test_times_and_places_that_cannot_be_are_refused(
    bad_call: BadCall, memory: MemoryServiceStub, seed: Seed, database: Redis
) -> None:
    await assert_refused_without_a_trace(bad_call, memory, seed, database)


def _shifted(time: Timestamp, micros: int) -> Timestamp:
    shifted = Timestamp()
    shifted.FromMicroseconds(time.ToMicroseconds() + micros)
    return shifted
