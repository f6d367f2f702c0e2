"""Facts of which only one is true at a time: who takes whose place, whatever comes first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any

import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from redis.asyncio import Redis

from tests.contract.refusals import BadCall, assert_refused_without_a_trace, each_of, invalid
from tests.contract.seed import Seed, session_of
from tests.contract.test_time_and_truth import create, everywhere, get, ids, listed, valid_at
from tests.contract.transfers import import_all, records_of

HOME = "alice|home"
PARIS, BERLIN = "Alice lives in Paris.", "Alice lives in Berlin."
Scopes = Callable[[], memory_pb2.Scope]


@pytest.fixture
def scope(new_scope: Scopes) -> memory_pb2.Scope:
    return new_scope()


async def lives_in(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, place: str, **fields: Any
) -> pb.CreateResult:
    values = {"id": place.lower(), "text": f"Alice lives in {place}.", "slot": HOME, **fields}
    return await create(memory, scope, **values)


def on(day: str) -> Timestamp:
    time = Timestamp()
    time.FromJsonString(f"{day}T00:00:00Z")
    return time


def in_year(number: int) -> memory_pb2.EventTime:
    time = on(f"{number}-01-01")
    return memory_pb2.EventTime(time=time, precision=memory_pb2.TIME_PRECISION_YEAR)


async def test_the_newer_one_of_a_slot_is_current_and_the_older_says_why(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    before = (await lives_in(memory, scope, "Paris")).memory
    result = await lives_in(memory, scope, "Berlin")
    assert result.outcome == pb.CREATE_OUTCOME_SUPERSEDING
    assert (list(result.memory.supersedes), result.memory.slot) == (["paris"], HOME)
    old = await get(memory, scope, "paris")
    assert (old.superseded_by, old.supersede_reason, old.slot) == ("berlin", "same slot", HOME)
    # Paris was home until Berlin was.
    assert old.valid_to == result.memory.valid_from == result.memory.create_time
    assert old.end_learned
    assert await ids(memory, scope) == ["berlin"]
    assert await ids(memory, scope, as_of=valid_at(before.create_time)) == ["paris"]
    history = await memory.ListMemoryRevisions(
        pb.ListMemoryRevisionsRequest(scope=scope, id="paris")
    )
    causes = [revision.cause for revision in history.revisions]
    assert causes == [pb.REVISION_CAUSE_SUPERSEDE]


async def test_an_end_that_is_written_again_as_it_is_changes_nothing(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await lives_in(memory, scope, "Paris")
    await lives_in(memory, scope, "Berlin")
    old = await get(memory, scope, "paris")
    request = pb.UpdateMemoryRequest(
        scope=scope,
        memory=memory_pb2.Memory(id="paris", valid_to=old.valid_to),
        update_mask=FieldMask(paths=["valid_to"]),
    )
    assert (await memory.UpdateMemory(request)).memory == old
    # It was learned, so that which is learned of what came between still sets it.
    assert old.end_learned


async def test_what_begins_later_is_shown_already_and_as_of_now_what_is_true_till_then(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await lives_in(memory, scope, "Paris")
    result = await lives_in(memory, scope, "Berlin", valid_from=on("2200-05-01"))
    assert result.outcome == pb.CREATE_OUTCOME_SUPERSEDING
    assert await ids(memory, scope) == ["berlin"]
    now = valid_at(result.memory.create_time)
    assert await ids(memory, scope, as_of=now) == ["paris"]
    assert await ids(memory, scope, as_of=valid_at(on("2200-05-01"))) == ["berlin"]


async def test_a_plan_that_came_to_nothing_leaves_one_place_true_at_a_time(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await lives_in(memory, scope, "Paris", valid_from=on("2020-01-01"))
    await lives_in(memory, scope, "Oslo", valid_from=on("2200-01-01"))
    rome = (await lives_in(memory, scope, "Rome")).memory
    for time, place in (("2021-01-01", "paris"), ("2199-01-01", "rome"), ("2201-01-01", "rome")):
        assert await ids(memory, scope, as_of=valid_at(on(time))) == [place]
    assert set(rome.supersedes) == {"oslo", "paris"}
    # What is learned late ends as what came of it begins.
    await lives_in(memory, scope, "Lyon", valid_from=on("2022-01-01"))
    assert await ids(memory, scope, as_of=valid_at(on("2199-01-01"))) == ["rome"]
    assert (await get(memory, scope, "lyon")).superseded_by == "rome"


async def test_what_is_learned_late_ends_what_was_so_before_also_if_the_next_was_deleted(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    for place, day in (("Paris", "2020-01-01"), ("Oslo", "2022-01-01"), ("Rome", "2024-01-01")):
        await lives_in(memory, scope, place, valid_from=on(day))
    await memory.DeleteMemories(pb.DeleteMemoriesRequest(scope=scope, ids=["oslo"]))
    await lives_in(memory, scope, "Lyon", valid_from=on("2021-01-01"))
    for time, place in (("2020-06-01", "paris"), ("2021-06-01", "lyon"), ("2025-01-01", "rome")):
        assert await ids(memory, scope, as_of=valid_at(on(time))) == [place]


async def test_what_happened_earlier_is_history_though_it_is_told_later(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await lives_in(memory, scope, "Berlin", event_time=in_year(2020))
    result = await lives_in(memory, scope, "Paris", event_time=in_year(2010))
    assert result.outcome == pb.CREATE_OUTCOME_SUPERSEDED
    assert (result.memory.superseded_by, result.memory.supersede_reason) == ("berlin", "same slot")
    assert result.memory.valid_to == in_year(2020).time
    assert await ids(memory, scope) == ["berlin"]
    assert await ids(memory, scope, as_of=valid_at(in_year(2015).time)) == ["paris"]
    assert await ids(memory, scope, as_of=valid_at(in_year(2021).time)) == ["berlin"]
    assert list((await get(memory, scope, "berlin")).supersedes) == ["paris"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("together", [False, True])
async def test_what_is_true_from_a_time_on_is_so_until_the_next_in_whatever_order_it_is_written(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, order: Sequence[int], together: bool
) -> None:
    begins = {"Rome": "2020-01-01", "Kyiv": "2022-01-01", "Bonn": "2024-01-01"}
    homes = [
        memory_pb2.Memory(id=place, text=f"Alice lives in {place}.", slot=HOME, valid_from=on(day))
        for place, day in begins.items()
    ]
    written = [homes[number] for number in order]
    for batch in [written] if together else [[each] for each in written]:
        await memory.CreateMemories(pb.CreateMemoriesRequest(scope=scope, memories=batch))
    rome, kyiv, bonn = [await get(memory, scope, place) for place in begins]
    assert [m.valid_from for m in (rome, kyiv, bonn)] == [on(day) for day in begins.values()]
    assert (rome.valid_to, kyiv.valid_to) == (kyiv.valid_from, bonn.valid_from)
    assert (rome.superseded_by, kyiv.superseded_by, bonn.superseded_by) == ("Kyiv", "Bonn", "")
    assert (list(kyiv.supersedes), list(bonn.supersedes)) == (["Rome"], ["Kyiv"])
    assert not bonn.HasField("valid_to")
    assert await ids(memory, scope) == ["Bonn"]
    true = {
        "2019-12-31": [],
        "2020-01-01": ["Rome"],
        "2021-12-31": ["Rome"],
        "2022-01-01": ["Kyiv"],
        "2023-12-31": ["Kyiv"],
        "2024-01-01": ["Bonn"],
        "2025-06-01": ["Bonn"],
    }
    for day, expected in true.items():
        assert [m.id for m in await listed(memory, scope, as_of=valid_at(on(day)))] == expected


async def test_what_was_superseded_from_its_beginning_can_be_updated_with_its_times_as_they_are(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await lives_in(memory, scope, "Rome", valid_from=on("2020-01-01"))
    await lives_in(memory, scope, "Oslo", valid_from=on("2020-01-01"))
    rome = await get(memory, scope, "rome")
    assert rome.valid_from == rome.valid_to == on("2020-01-01")
    rome.topics.append("homes")
    mask = FieldMask(paths=["valid_from", "topics"])
    await memory.UpdateMemory(pb.UpdateMemoryRequest(scope=scope, memory=rome, update_mask=mask))
    again = await get(memory, scope, "rome")
    assert (list(again.topics), again.valid_from, again.valid_to) == (
        ["homes"],
        rome.valid_from,
        rome.valid_to,
    )


async def test_a_repeat_of_the_request_gives_the_first_answer(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await lives_in(memory, scope, "Paris")
    request = pb.CreateMemoriesRequest(
        scope=scope, memories=[memory_pb2.Memory(text=BERLIN, slot=HOME)], request_id="r"
    )
    first = await memory.CreateMemories(request)
    assert await memory.CreateMemories(request) == first
    assert len(await listed(memory, scope, include_superseded=True)) == 2


async def test_what_has_its_place_already_is_a_duplicate_though_another_took_it(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    rome = (await lives_in(memory, scope, "Rome")).memory
    await lives_in(memory, scope, "Oslo", valid_from=on("2022-01-01"))
    bonn = {"id": "", "valid_from": on("2010-01-01")}
    first = await lives_in(memory, scope, "Bonn", **bonn)
    assert first.outcome == pb.CREATE_OUTCOME_SUPERSEDED
    revision = (await get(memory, scope, "oslo")).revision
    for place, fields in (("Bonn", bonn), ("Bonn", {**bonn, "id": "b"}), ("Oslo", {})):
        again = await lives_in(memory, scope, place, **fields)
        assert again.outcome == pb.CREATE_OUTCOME_DUPLICATE
        assert again.memory == await get(memory, scope, again.memory.id)
    again = await lives_in(memory, scope, "Rome")
    assert (again.outcome, again.memory.id) == (pb.CREATE_OUTCOME_DUPLICATE, rome.id)
    other = await lives_in(memory, scope, "Ulm", id="rome")
    assert other == pb.CreateResult(outcome=pb.CREATE_OUTCOME_ID_REUSED)
    assert len(await listed(memory, scope, include_superseded=True)) == 3
    assert (await get(memory, scope, "oslo")).revision == revision


async def test_a_slot_is_its_owners_own(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, new_scope: Scopes
) -> None:
    other = new_scope()
    await lives_in(memory, other, "Paris")
    result = await lives_in(memory, scope, "Berlin")
    assert result.outcome == pb.CREATE_OUTCOME_CREATED
    assert await ids(memory, other) == ["paris"]


async def test_a_slot_that_is_given_later_takes_nobodys_place(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await lives_in(memory, scope, "Paris")
    await lives_in(memory, scope, "Berlin", slot="")
    update = pb.UpdateMemoryRequest(
        scope=scope,
        memory=memory_pb2.Memory(id="berlin", slot=HOME),
        update_mask=FieldMask(paths=["slot"]),
    )
    assert (await memory.UpdateMemory(update)).memory.slot == HOME
    assert await ids(memory, scope) == ["berlin", "paris"]
    # The next one takes the place of both.
    result = await lives_in(memory, scope, "Oslo")
    assert set(result.memory.supersedes) == {"berlin", "paris"}


async def test_what_is_restored_is_current_beside_what_took_its_place(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await lives_in(memory, scope, "Paris")
    await lives_in(memory, scope, "Berlin")
    await memory.RestoreMemory(pb.RestoreMemoryRequest(scope=scope, id="paris"))
    assert await ids(memory, scope) == ["berlin", "paris"]
    await memory.DeleteMemories(pb.DeleteMemoriesRequest(scope=scope, ids=["berlin"]))
    assert [(m.id, m.slot) for m in await everywhere(memory, scope)] == [("paris", HOME)]
    await memory.RestoreMemory(pb.RestoreMemoryRequest(scope=scope, id="berlin"))
    assert await ids(memory, scope) == ["berlin", "paris"]


async def test_memories_are_found_by_their_slot_and_whether_they_are_to_be_trusted(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await lives_in(memory, scope, "Paris")
    await create(memory, scope, id="tea", text="Alice drinks tea.")
    of_slot = memory_pb2.Condition(
        tag=memory_pb2.TagCondition(field=memory_pb2.TAG_FIELD_SLOT, equals=HOME)
    )
    begins = memory_pb2.Condition(
        tag=memory_pb2.TagCondition(field=memory_pb2.TAG_FIELD_SLOT, prefix="alice|")
    )
    has = memory_pb2.Condition(exists=memory_pb2.Presence(tag=memory_pb2.TAG_FIELD_SLOT))
    for condition in (of_slot, begins, has):
        found = await listed(memory, scope, filter=memory_pb2.Filter(must=[condition]))
        assert [each.id for each in found] == ["paris"]
    for wanted, expected in ((True, []), (False, ["paris", "tea"])):
        condition = memory_pb2.Condition(untrusted=wanted)
        found = await listed(memory, scope, filter=memory_pb2.Filter(must=[condition]))
        assert [each.id for each in found] == expected


async def test_a_memory_that_waits_in_a_session_has_its_slot_and_takes_its_place_with_it(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await lives_in(memory, scope, "Paris")
    chat = session_of(scope, "chat")
    given = memory_pb2.Memory(id="berlin", text=BERLIN, slot=HOME)
    await memory.AppendMessages(pb.AppendMessagesRequest(scope=chat, memories=[given]))
    read = await memory.GetWorkingMemory(pb.GetWorkingMemoryRequest(scope=chat))
    (waiting,) = read.pending_memories
    assert waiting.slot == HOME
    assert not (waiting.HasField("mention_time"))
    assert not (waiting.HasField("last_mention_time"))
    await memory.FlushSession(pb.FlushSessionRequest(scope=chat))
    assert await ids(memory, scope) == ["berlin"]


async def test_what_is_output_only_is_not_taken_from_callers(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    result = await create(
        memory,
        scope,
        text=PARIS,
        untrusted=True,
        contradicts=["x"],
        mention_time=Timestamp(seconds=1),
        last_mention_time=Timestamp(seconds=2),
    )
    made = result.memory
    assert (made.untrusted, list(made.contradicts)) == (False, [])
    assert made.mention_time == made.last_mention_time == made.create_time


async def test_an_export_has_all_of_it_and_an_import_keeps_it(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, new_scope: Scopes
) -> None:
    full = memory_pb2.Memory(
        id="full",
        text=PARIS,
        slot=HOME,
        untrusted=True,
        contradicts=["a", "b"],
        create_time=Timestamp(seconds=50),
        update_time=Timestamp(seconds=50),
        mention_time=Timestamp(seconds=7),
        last_mention_time=Timestamp(seconds=9),
    )
    plain = memory_pb2.Memory(
        id="plain",
        text=BERLIN,
        create_time=Timestamp(seconds=60),
        update_time=Timestamp(seconds=60),
    )
    records = [pb.ExportRecord(memory=full), pb.ExportRecord(memory=plain)]
    await import_all(memory, scope, records)
    exported = await records_of(memory, scope)
    kept, of_plain = (record.memory for record in exported)
    for name in ("slot", "untrusted", "contradicts", "mention_time", "last_mention_time"):
        assert getattr(kept, name) == getattr(full, name)
    assert of_plain.mention_time == of_plain.last_mention_time == Timestamp(seconds=60)
    # Again, here and elsewhere: nothing is taken for something else.
    for there in (scope, new_scope()):
        answer = await import_all(memory, there, exported)
        assert answer.conflict_count == 0
        assert len(await records_of(memory, there)) == 2
    assert await records_of(memory, scope) == exported


TOO_LONG = "x" * 257


@each_of(
    (
        "a slot too long",
        lambda seed: pb.CreateMemoriesRequest(
            scope=seed.user, memories=[memory_pb2.Memory(text="t", slot=TOO_LONG)]
        ),
        invalid("memories[0].slot"),
    ),
    (
        "a slot too long of one that waits",
        lambda seed: pb.AppendMessagesRequest(
            scope=session_of(seed.user, "s"), memories=[memory_pb2.Memory(text="t", slot=TOO_LONG)]
        ),
        invalid("memories[0].slot"),
    ),
    (
        "an update to a slot too long",
        lambda seed: pb.UpdateMemoryRequest(
            scope=seed.user,
            memory=memory_pb2.Memory(id="m", slot=TOO_LONG),
            update_mask=FieldMask(paths=["slot"]),
        ),
        invalid("memory.slot"),
    ),
    (
        "an update of whether it is to be trusted",
        lambda seed: pb.UpdateMemoryRequest(
            scope=seed.user,
            memory=memory_pb2.Memory(id="m", untrusted=True),
            update_mask=FieldMask(paths=["untrusted"]),
        ),
        invalid("update_mask.paths[0]"),
    ),
)
async def test_a_bad_slot_is_refused(
    bad_call: BadCall, memory: MemoryServiceStub, seed: Seed, database: Redis
) -> None:
    await assert_refused_without_a_trace(bad_call, memory, seed, database)
