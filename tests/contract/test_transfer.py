"""ExportMemories and ImportMemories over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import grpc.aio
import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from redis.asyncio import Redis

from memory_service.domain.limits import Quota
from memory_service.domain.owner import Owner
from memory_service.store.keys import OwnerKeys
from tests.contract.refusals import INVALID_PAGE_TOKEN, invalid, refusal_of
from tests.contract.seed import said, session_of
from tests.contract.snapshot import snapshot
from tests.contract.transfers import (
    comparable,
    counts,
    export,
    import_all,
    importing,
    records_of,
    send,
)
from tests.memory_service.store.test_accounts import counted, looked_at

BY_ID = pb.MEMORY_ORDER_ID
FULL = "full: a/b% 😀"
Scopes = Callable[[], memory_pb2.Scope]


async def enrich(memory: MemoryServiceStub, scope: memory_pb2.Scope) -> None:
    """Give an owner one of everything."""
    fields = {
        "id": FULL,
        "text": "Alice plays the cello in Zürich.",
        "type": memory_pb2.MEMORY_TYPE_EPISODIC,
        "topics": ["music", "a,b"],
        "entities": [memory_pb2.Entity(name="Alice", kind="person")],
        "pinned": True,
        "event_time": memory_pb2.EventTime(
            time=Timestamp(seconds=-5, nanos=3000),
            precision=memory_pb2.TIME_PRECISION_WEEK,
            time_zone="Europe/Berlin",
        ),
        "valid_from": Timestamp(seconds=0),
        "valid_to": Timestamp(seconds=4_000_000_000),
    }
    full = memory_pb2.Memory(**fields)
    full.metadata.update({"plan": "gold", "n": 1.5, "list": [1, None, {"x": True}]})
    others = [memory_pb2.Memory(id=f"m{n}", text=f"Fact number {n}.") for n in range(5)]
    await memory.CreateMemories(pb.CreateMemoriesRequest(scope=scope, memories=[full, *others]))
    for text in ("Alice plays the viola.", "Alice plays the violin."):
        update = pb.UpdateMemoryRequest(
            scope=scope, memory=memory_pb2.Memory(id=full.id, text=text)
        )
        update.update_mask.paths.append("text")
        await memory.UpdateMemory(update)
    newer = memory_pb2.Memory(
        id="newer", text="Fact one was wrong.", supersedes=["m1"], supersede_reason="it was wrong"
    )
    await memory.CreateMemories(pb.CreateMemoriesRequest(scope=scope, memories=[newer]))
    await memory.DeleteMemories(pb.DeleteMemoriesRequest(scope=scope, ids=["m2", "m3"]))
    await memory.RestoreMemory(pb.RestoreMemoryRequest(scope=scope, id="m3"))


async def talk(memory: MemoryServiceStub, scope: memory_pb2.Scope) -> None:
    """Give an owner two sessions: one extracted in part, one with all that a session can have."""
    chat = session_of(scope, "chat")
    first = [said("I live in Oslo.", name="Alice"), said("I keep bees.", name="Alice", id="x1")]
    await memory.AppendMessages(pb.AppendMessagesRequest(scope=chat, messages=first))
    await memory.FlushSession(pb.FlushSessionRequest(scope=chat))
    later = [said(f"Turn {n}.", id=f"late {n}") for n in range(5)]
    await memory.AppendMessages(pb.AppendMessagesRequest(scope=chat, messages=later))
    whole = memory_pb2.Session(scope=session_of(scope, "whole/😀"), context="A chat.")
    whole.data.update({"cart": ["bread", 2]})
    whole.options.ttl.CopyFrom(Duration(seconds=86_400))
    whole.options.strategy.kind = memory_pb2.EXTRACTION_KIND_CUSTOM
    whole.options.strategy.instructions = "What they buy."
    whole.options.strategy.include_assistant = True
    whole.options.time_zone = "Asia/Tokyo"
    tool = memory_pb2.Message(
        role=memory_pb2.ROLE_ASSISTANT,
        tool_calls=[memory_pb2.ToolCall(id="c", name="buy", arguments='{"n":1}')],
        create_time=Timestamp(seconds=1_700_000_000, nanos=1000),
        time_zone="-03:30",
    )
    tool.metadata.update({"cost": 1})
    result = memory_pb2.Message(role=memory_pb2.ROLE_TOOL, content="ok", tool_call_id="c")
    waiting = [
        memory_pb2.Memory(id="w1", text="Alice wants bread.", topics=["food"]),
        memory_pb2.Memory(text="Alice wants wine."),
    ]
    await memory.PutWorkingMemory(
        pb.PutWorkingMemoryRequest(session=whole, messages=[tool, result], memories=waiting)
    )


@pytest.fixture(scope="module")
async def rich(memory: MemoryServiceStub, new_scope: Scopes) -> memory_pb2.Scope:
    scope = new_scope()
    await enrich(memory, scope)
    await talk(memory, scope)
    return scope


def kinds(records: list[pb.ExportRecord]) -> list[str]:
    return [record.WhichOneof("record") or "" for record in records]


async def test_an_export_has_everything_in_order(
    memory: MemoryServiceStub, rich: memory_pb2.Scope
) -> None:
    records = await records_of(memory, rich)
    memories = [r.memory.id for r in records if r.HasField("memory")]
    assert memories == sorted(memories, key=str.encode)
    assert {"m0", "m1", "m3", "m4", "newer", FULL} < set(memories)
    assert len(memories) == 10  # And two turns, and what was extracted of them.
    ours = next(i for i, r in enumerate(records) if r.memory.id == FULL)
    assert kinds(records[ours : ours + 3]) == ["memory", "revision", "revision"]
    texts = [r.revision.memory.text for r in records[ours + 1 : ours + 3]]
    assert texts == ["Alice plays the cello in Zürich.", "Alice plays the viola."]
    chat = ["session", *["message"] * 7]
    whole = ["session", "pending_memory", "pending_memory", "message", "message"]
    assert kinds(records[-14:]) == [*chat, *whole, "deleted_fact"]
    sessions = [r.session for r in records if r.HasField("session")]
    assert [s.session.scope.session_id for s in sessions] == ["chat", "whole/😀"]
    assert [s.session.message_count for s in sessions] == [7, 2]
    assert [s.session.extracted_through for s in sessions] == [2, 0]


async def test_an_import_into_another_owner_gives_the_same_export(
    memory: MemoryServiceStub, rich: memory_pb2.Scope, new_scope: Scopes
) -> None:
    records = await records_of(memory, rich)
    other = new_scope()
    answer = await import_all(memory, other, records)
    assert counts(answer) == (len(records), 0, 0)
    assert comparable(await records_of(memory, other)) == comparable(records)


async def test_an_erased_user_comes_back_whole(
    memory: MemoryServiceStub, new_scope: Scopes
) -> None:
    scope = new_scope()
    await enrich(memory, scope)
    await talk(memory, scope)
    records = await records_of(memory, scope)
    await memory.EraseUser(pb.EraseUserRequest(scope=scope))
    assert await records_of(memory, scope) == []
    assert counts(await import_all(memory, scope, records, size=3)) == (len(records), 0, 0)
    assert comparable(await records_of(memory, scope)) == comparable(records)


async def test_a_user_of_whom_nothing_was_counted_is_counted_after_coming_back(
    memory: MemoryServiceStub, rich: memory_pb2.Scope, new_scope: Scopes, database: Redis
) -> None:
    scope = new_scope()
    await import_all(memory, scope, await records_of(memory, rich))
    owner = Owner.user("default", scope.namespace, scope.user_id)
    had = await counted(database, owner)
    assert had == await looked_at(database, owner)
    await never_counted(database, owner, had)
    # So numbers fall below 0, which is made good as well.
    await memory.DeleteMemories(pb.DeleteMemoriesRequest(scope=scope, ids=["m1"]))
    records = await records_of(memory, scope)
    await memory.EraseUser(pb.EraseUserRequest(scope=scope))
    await import_all(memory, scope, records)
    assert await counted(database, owner) == await looked_at(database, owner)


async def never_counted(database: Redis, owner: Owner, had: Quota) -> None:
    """Make the owner one of a database that was written before anything was counted."""
    keys = OwnerKeys(owner)
    await database.hdel(keys.state, *had.limits)
    for name, count in had.limits.items():
        await database.hincrby(keys.usage, name, -count)


async def test_lone_sessions_and_shared_memories_are_taken_over_too(
    memory: MemoryServiceStub,
) -> None:
    lone, shared = (
        memory_pb2.Scope(namespace="transfer", session_id="lone"),
        memory_pb2.Scope(namespace="transfer"),
    )
    await memory.AppendMessages(pb.AppendMessagesRequest(scope=lone, messages=[said("Hello.")]))
    created = pb.CreateMemoriesRequest(memories=[memory_pb2.Memory(text="All like tea.")])
    await memory.CreateMemories(pb.CreateMemoriesRequest(scope=lone, memories=created.memories))
    await memory.CreateMemories(
        pb.CreateMemoriesRequest(scope=shared, memories=created.memories, shared=True)
    )
    for scope in (lone, shared):
        records = await records_of(memory, scope)
        assert kinds(records) == (["memory"] + ["session", "message"] * (scope == lone))
        there = memory_pb2.Scope(namespace="elsewhere", session_id=scope.session_id)
        assert counts(await import_all(memory, there, records)) == (len(records), 0, 0)
        found = await records_of(memory, there)
        assert comparable(found) == comparable(records)
        assert found[0].memory.shared == (scope == shared)


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_what_is_there_counts_as_duplicate_and_changes_nothing(
    memory: MemoryServiceStub, rich: memory_pb2.Scope, size: int
) -> None:
    records = await records_of(memory, rich)
    listed = await memory.ListMemories(pb.ListMemoriesRequest(scope=rich))
    answer = await import_all(memory, rich, records, size)
    assert counts(answer) == (len(records), len(records), 0)
    assert answer.revision == records_revision(records)
    assert await records_of(memory, rich) == records
    assert await memory.ListMemories(pb.ListMemoriesRequest(scope=rich)) == listed


def records_revision(records: list[pb.ExportRecord]) -> int:
    return max(record.memory.revision for record in records)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13])
async def test_an_import_that_broke_off_anywhere_is_finished_by_sending_it_again(
    memory: MemoryServiceStub, rich: memory_pb2.Scope, new_scope: Scopes, size: int
) -> None:
    records = await records_of(memory, rich)
    other = new_scope()
    for done in range(size, len(records), size):
        async with importing(memory) as call:
            for start in range(0, done, size):
                answer = await send(call, other, records[start : start + size])
        assert counts(answer) == (done, done - size, 0)
    answer = await import_all(memory, other, records)
    assert answer.conflict_count == 0
    assert comparable(await records_of(memory, other)) == comparable(records)


async def test_each_request_is_answered_when_it_is_stored(
    memory: MemoryServiceStub, new_scope: Scopes, rich: memory_pb2.Scope
) -> None:
    records = [r for r in await records_of(memory, rich) if r.HasField("memory")]
    scope = new_scope()
    async with importing(memory) as call:
        assert counts(await send(call, scope, [])) == (0, 0, 0)
        for done, record in enumerate(records, 1):
            # The scope is needed once only.
            answer = await send(call, None, [record])
            assert (answer.imported_count, answer.duplicate_count) == (done, 0)
            assert answer.revision == (await get(memory, scope, record.memory.id)).revision


async def get(memory: MemoryServiceStub, scope: memory_pb2.Scope, id_: str) -> memory_pb2.Memory:
    return (await memory.GetMemory(pb.GetMemoryRequest(scope=scope, id=id_))).memory


async def test_an_import_brings_back_everything_that_works_on_memories(
    memory: MemoryServiceStub, rich: memory_pb2.Scope, new_scope: Scopes
) -> None:
    scope = new_scope()
    await import_all(memory, scope, await records_of(memory, rich))
    listed = await memory.ListMemories(pb.ListMemoriesRequest(scope=scope, order_by=BY_ID))
    current = {found.id for found in listed.memories}
    assert "newer" in current
    assert "m1" not in current
    assert (await get(memory, scope, "m1")).superseded_by == "newer"
    words = pb.SearchMemoriesRequest(
        scope=scope,
        query="violin",
        options=memory_pb2.SearchOptions(mode=memory_pb2.SEARCH_MODE_KEYWORD),
    )
    (hit,) = (await memory.SearchMemories(words)).hits
    assert (hit.memory.id, hit.memory.pinned) == (FULL, True)
    history = await memory.ListMemoryRevisions(pb.ListMemoryRevisionsRequest(scope=scope, id=FULL))
    viola, cello = history.revisions
    assert hit.memory.revision > viola.memory.revision > cello.memory.revision > 0
    restored = await memory.RestoreMemory(
        pb.RestoreMemoryRequest(scope=scope, id=FULL, revision=cello.memory.revision)
    )
    assert restored.memory.text == "Alice plays the cello in Zürich."


EVERY_TYPE = (
    memory_pb2.MEMORY_TYPE_SEMANTIC,
    memory_pb2.MEMORY_TYPE_EPISODIC,
    memory_pb2.MEMORY_TYPE_MESSAGE,
)


async def test_a_watch_tells_what_is_imported(
    memory: MemoryServiceStub, rich: memory_pb2.Scope, new_scope: Scopes
) -> None:
    scope = new_scope()
    records = await records_of(memory, rich)
    ids = [r.memory.id for r in records if r.HasField("memory")]
    answer = await import_all(memory, scope, records, size=4)
    watch: Any = memory.WatchMemories(
        pb.WatchMemoriesRequest(scope=scope, after_revision=0, types=EVERY_TYPE)
    )
    told = [await watch.read() for _ in range(len(ids) + 1)]
    watch.cancel()
    assert [each.change.memory_id for each in told[1:]] == ids
    assert {each.change.kind for each in told[1:]} == {pb.CHANGE_KIND_CREATED}
    assert told[-1].revision <= answer.revision


async def test_what_had_been_extracted_is_not_extracted_again_and_the_rest_is(
    memory: MemoryServiceStub, new_scope: Scopes
) -> None:
    here, there = new_scope(), new_scope()
    for name, text in (("old", "I live in Oslo."), ("new", "I keep bees.")):
        chat = session_of(here, "chat")
        message = said(text, name="Alice", id=name)
        await memory.AppendMessages(pb.AppendMessagesRequest(scope=chat, messages=[message]))
        if name == "old":
            await memory.FlushSession(pb.FlushSessionRequest(scope=chat))
    records = [r for r in await records_of(memory, here) if not r.HasField("memory")]
    await import_all(memory, there, records, size=1)
    chat = session_of(there, "chat")
    status = await memory.GetExtractionStatus(pb.GetExtractionStatusRequest(scope=chat))
    assert (status.extracted_through, status.pending_messages) == (1, 1)
    await memory.FlushSession(pb.FlushSessionRequest(scope=chat))
    listed = await memory.ListMemories(pb.ListMemoriesRequest(scope=there))
    assert [found.text for found in listed.memories] == ["Alice keeps bees."]


async def test_an_imported_session_is_as_it_was(
    memory: MemoryServiceStub, rich: memory_pb2.Scope, new_scope: Scopes
) -> None:
    there = new_scope()
    await import_all(memory, there, await records_of(memory, rich), size=2)
    for name in ("chat", "whole/😀"):
        before, after = [
            await memory.GetWorkingMemory(pb.GetWorkingMemoryRequest(scope=session_of(scope, name)))
            for scope in (rich, there)
        ]
        for found in (before, after):
            for field in ("scope", "etag", "generation"):
                found.session.ClearField(field)
            for waiting in found.pending_memories:
                waiting.ClearField("scope")
        assert after == before
    sessions = await memory.ListSessions(pb.ListSessionsRequest(scope=there))
    assert [s.scope.session_id for s in sessions.sessions] == ["whole/😀", "chat"]


@pytest.mark.parametrize("timed", [False, True])
async def test_appending_an_imported_message_again_is_harmless(
    memory: MemoryServiceStub, new_scope: Scopes, timed: bool
) -> None:
    here, there = new_scope(), new_scope()
    message = said("Hello.", id="m")
    if timed:
        message.create_time.CopyFrom(Timestamp(seconds=1_700_000_000))
    append = pb.AppendMessagesRequest(scope=session_of(here, "s"), messages=[message])
    await memory.AppendMessages(append)
    await import_all(memory, there, await records_of(memory, here))
    append.scope.CopyFrom(session_of(there, "s"))
    assert (await memory.AppendMessages(append)).last_sequence == 1
    append.messages[0].content = "Something else."
    refused = await refusal_of(memory.AppendMessages(append))
    assert refused.reason == "MESSAGE_ID_REUSED"


async def test_what_stands_for_something_else_is_left_as_it_is(
    memory: MemoryServiceStub, rich: memory_pb2.Scope, new_scope: Scopes
) -> None:
    records = await records_of(memory, rich)
    there = new_scope()
    deleted = next(r for r in records if r.HasField("deleted_fact"))
    mine = [
        memory_pb2.Memory(id=FULL, text="Something else."),
        memory_pb2.Memory(id="other id", text="Fact number 4."),
        memory_pb2.Memory(id="m9", text="Fact number 2."),
    ]
    await memory.CreateMemories(pb.CreateMemoriesRequest(scope=there, memories=mine))
    chat = session_of(there, "chat")
    await memory.AppendMessages(pb.AppendMessagesRequest(scope=chat, messages=[said("Mine.")]))
    before = await records_of(memory, there)
    conflicting = [
        *(r for r in records if FULL in (r.memory.id, r.revision.memory.id)),
        deleted,
        *records[kinds(records).index("session") :][:8],
    ]
    assert counts(await import_all(memory, there, conflicting)) == (12, 0, 12)
    same = [r for r in records if r.memory.id == "m4"]
    assert counts(await import_all(memory, there, same)) == (1, 1, 0)
    assert await records_of(memory, there) == before


async def test_an_import_goes_on_where_a_session_ends(
    memory: MemoryServiceStub, new_scope: Scopes
) -> None:
    here, there = new_scope(), new_scope()
    chat = session_of(here, "chat")
    for n in range(3):
        message = said(f"Turn {n}.", id=f"m{n}")
        await memory.AppendMessages(pb.AppendMessagesRequest(scope=chat, messages=[message]))
        records = await records_of(memory, here)
        answer = await import_all(memory, there, records)
        assert counts(answer) == (n + 2, n and n + 1, 0)
    assert comparable(await records_of(memory, there)) == comparable(records)


async def test_a_session_with_a_gap_is_left_from_there_on(
    memory: MemoryServiceStub, rich: memory_pb2.Scope, new_scope: Scopes
) -> None:
    records = await records_of(memory, rich)
    first = kinds(records).index("session")
    chat = records[first : first + 8]
    there = new_scope()
    answer = await import_all(memory, there, [*chat[:3], *chat[4:]], size=2)
    assert counts(answer) == (7, 0, 4)
    read = await memory.GetWorkingMemory(
        pb.GetWorkingMemoryRequest(scope=session_of(there, "chat"))
    )
    assert [m.sequence for m in read.messages] == [1, 2]
    # Sent again, without the gap, it is finished.
    assert counts(await import_all(memory, there, chat)) == (8, 3, 0)


MEMORY = {"id": "m", "text": "t", "create_time": Timestamp(), "update_time": Timestamp()}


def a_memory(**fields: Any) -> pb.ExportRecord:
    return pb.ExportRecord(memory=memory_pb2.Memory(**{**MEMORY, **fields}))


def a_revision(**fields: Any) -> pb.ExportRecord:
    given = {
        "memory": memory_pb2.Memory(**MEMORY),
        "replace_time": Timestamp(),
        "cause": pb.REVISION_CAUSE_UPDATE,
    }
    return pb.ExportRecord(revision=pb.MemoryRevision(**{**given, **fields}))


def a_session(session_id: str = "s", **fields: Any) -> pb.ExportRecord:
    given = {"create_time": Timestamp(), "update_time": Timestamp(), "message_count": 1}
    session = memory_pb2.Session(
        scope=memory_pb2.Scope(session_id=session_id),
        **{**given, **{name: value for name, value in fields.items() if name in SESSION}},
    )
    rest = {name: value for name, value in fields.items() if name not in SESSION}
    return pb.ExportRecord(session=pb.ExportedSession(session=session, **rest))


SESSION = memory_pb2.Session.DESCRIPTOR.fields_by_name


def a_message(**fields: Any) -> pb.ExportRecord:
    given = {"sequence": 1, "create_time": Timestamp()}
    return pb.ExportRecord(message=said("Hello.", **{**given, **fields}))


def a_fact() -> pb.ExportRecord:
    return pb.ExportRecord(deleted_fact="0123456789abcdef" + "0" * 10)


def no(name: str, record: pb.ExportRecord) -> pb.ExportRecord:
    """Leave a field out of a record."""
    kind = getattr(record, record.WhichOneof("record") or "")
    (kind.session if name in SESSION and hasattr(kind, "session") else kind).ClearField(name)
    return record


GOOD = a_memory(id="good", text="Good.")
BAD = [
    ([pb.ExportRecord()], "records[0]"),
    ([GOOD, a_memory(id="")], "records[1].memory.id"),
    ([a_memory(id="\n")], "records[0].memory.id"),
    ([a_memory(text=" ")], "records[0].memory.text"),
    ([a_memory(type=9)], "records[0].memory.type"),
    ([no("create_time", a_memory())], "records[0].memory.create_time"),
    ([no("update_time", a_memory())], "records[0].memory.update_time"),
    ([a_memory(create_time=Timestamp(seconds=10**14))], "records[0].memory.create_time"),
    ([a_memory(confidence=2)], "records[0].memory.confidence"),
    ([a_memory(confidence=float("nan"))], "records[0].memory.confidence"),
    ([a_memory(superseded_by="x")], "records[0].memory.supersede_time"),
    ([a_memory(supersedes=[""])], "records[0].memory.supersedes[0]"),
    (
        [a_memory(sources=[memory_pb2.Source(session_id="s", start=2, end=1)])],
        "records[0].memory.sources[0].end",
    ),
    ([a_memory(sources=[memory_pb2.Source()])], "records[0].memory.sources[0].session_id"),
    ([a_fact(), a_revision()], "records[1].revision"),
    ([a_session(), a_revision()], "records[1].revision"),
    ([GOOD, a_revision()], "records[1].revision.memory.id"),
    ([a_memory(), a_revision(cause=0)], "records[1].revision.cause"),
    ([a_memory(), no("replace_time", a_revision())], "records[1].revision.replace_time"),
    (
        [a_memory(), a_revision(memory=memory_pb2.Memory(id="m", text="t"))],
        "records[1].revision.memory.create_time",
    ),
    ([a_session("")], "records[0].session.session.scope.session_id"),
    ([no("create_time", a_session())], "records[0].session.session.create_time"),
    ([a_session(message_count=-1)], "records[0].session.session.message_count"),
    ([a_session(extracted_through=2)], "records[0].session.session.extracted_through"),
    ([a_session(context="x" * 70_000)], "records[0].session.session.context"),
    ([a_session(summarized_through=2)], "records[0].session.summarized_through"),
    (
        [a_session(failed_ranges=[pb.FailedRange(first_sequence=1, last_sequence=1)])],
        "records[0].session.failed_ranges[0].first_sequence",
    ),
    ([a_message()], "records[0].message"),
    ([a_session(), a_fact(), a_message()], "records[2].message"),
    ([a_memory(), a_message()], "records[1].message"),
    ([a_session(), GOOD, a_message()], "records[2].message"),
    ([a_session(), a_message(sequence=0)], "records[1].message.sequence"),
    ([a_session(), a_message(id="7")], "records[1].message.id"),
    ([a_session(), a_message(role=0)], "records[1].message.role"),
    ([a_session(), no("create_time", a_message())], "records[1].message.create_time"),
    (
        [pb.ExportRecord(pending_memory=memory_pb2.Memory(text="t"))],
        "records[0].pending_memory",
    ),
    (
        [a_session(), pb.ExportRecord(pending_memory=memory_pb2.Memory())],
        "records[1].pending_memory.text",
    ),
    ([pb.ExportRecord(deleted_fact="xyz")], "records[0].deleted_fact"),
    ([GOOD] * 1001, "records"),
]


@pytest.mark.parametrize(("records", "path"), BAD, ids=[path for _, path in BAD])
async def test_a_bad_record_ends_the_stream_and_nothing_of_its_request_is_stored(
    memory: MemoryServiceStub,
    new_scope: Scopes,
    database: Redis,
    records: list[pb.ExportRecord],
    path: str,
) -> None:
    scope = new_scope()
    async with importing(memory) as call:
        await send(call, scope, [a_memory(id="before", text="Before.")])
        before = await snapshot(database)
        assert await refusal_of(send(call, None, records)) == invalid(path)
    assert await snapshot(database) == before
    assert (await get(memory, scope, "before")).text == "Before."


async def test_a_session_goes_only_where_it_can_be(memory: MemoryServiceStub) -> None:
    path = "records[0].session.session.scope.session_id"
    for scope in (
        memory_pb2.Scope(namespace="transfer"),
        memory_pb2.Scope(namespace="transfer", session_id="another"),
    ):
        async with importing(memory) as call:
            assert await refusal_of(send(call, scope, [a_session()])) == invalid(path)


async def test_an_import_without_a_scope_or_with_a_bad_one_is_refused(
    memory: MemoryServiceStub,
) -> None:
    for scope, path in ((None, "scope"), (memory_pb2.Scope(user_id="x" * 129), "scope.user_id")):
        async with importing(memory) as call:
            assert await refusal_of(send(call, scope, [GOOD])) == invalid(path)


async def large(memory: MemoryServiceStub, scope: memory_pb2.Scope) -> None:
    """Give an owner more than fits into two responses."""
    for n in range(8):
        new = [memory_pb2.Memory(id=f"{n}-{i}", text=f"{n} {i} " + "x" * 8000) for i in range(128)]
        await memory.CreateMemories(pb.CreateMemoriesRequest(scope=scope, memories=new))


async def test_a_large_export_comes_in_pieces_and_goes_on_after_any_of_them(
    memory: MemoryServiceStub, new_scope: Scopes
) -> None:
    scope = new_scope()
    await large(memory, scope)
    responses = await export(memory, scope)
    assert len(responses) > 2
    whole = [record for response in responses for record in response.records]
    sent = 0
    for place, response in enumerate(responses[:-1], 1):
        sent += len(response.records)
        assert response.exported_count == sent
        assert response.estimated_total == len(whole)
        rest = await export(memory, scope, response.cursor)
        assert rest == responses[place:]
    assert (responses[-1].exported_count, responses[-1].estimated_total) == (len(whole),) * 2
    there = new_scope()
    async with importing(memory) as call:
        for response in responses:
            answer = await send(call, there, response.records)
    assert counts(answer) == (len(whole), 0, 0)
    assert comparable(await records_of(memory, there)) == comparable(whole)


async def test_a_receiver_who_does_not_read_holds_nobody_up_and_misses_nothing(
    memory: MemoryServiceStub, new_scope: Scopes
) -> None:
    scope = new_scope()
    await large(memory, scope)
    slow: Any = memory.ExportMemories(pb.ExportMemoriesRequest(scope=scope))
    first = await slow.read()
    quick = await records_of(memory, scope)
    await memory.DeleteMemories(pb.DeleteMemoriesRequest(scope=new_scope(), ids=["x"]))
    records = list(first.records)
    async with asyncio.timeout(60):
        while (response := await slow.read()) is not grpc.aio.EOF:
            records += response.records
    assert records == quick


async def test_a_cursor_of_another_owner_or_of_nobody_is_refused(
    memory: MemoryServiceStub, new_scope: Scopes
) -> None:
    scope = new_scope()
    await large(memory, scope)
    call: Any = memory.ExportMemories(pb.ExportMemoriesRequest(scope=scope))
    cursor = (await call.read()).cursor
    call.cancel()
    listed = await memory.ListMemories(pb.ListMemoriesRequest(scope=scope, page_size=1))
    bad = [(new_scope(), cursor), (scope, cursor + "x"), (scope, listed.next_page_token)]
    bad += [(memory_pb2.Scope(namespace=scope.namespace), cursor), (scope, "nonsense")]
    for owner, token in bad:
        assert await refusal_of(export(memory, owner, token)) == INVALID_PAGE_TOKEN
    # The session of a scope with a user is not looked at.
    await export(memory, session_of(scope, "s"), cursor)


async def test_a_scope_that_is_too_long_is_not_exported(memory: MemoryServiceStub) -> None:
    scope = memory_pb2.Scope(user_id="x" * 129)
    assert await refusal_of(export(memory, scope)) == invalid("scope.user_id")
