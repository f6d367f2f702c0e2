"""How a session is kept: its ttl, its strategy, and sessions that are made when they are read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from google.protobuf.duration_pb2 import Duration
from redis.asyncio import Redis

from tests.contract.refusals import (
    SESSION_NOT_FOUND,
    BadCall,
    assert_refused_without_a_trace,
    each_of,
    invalid,
    refusal_of,
)
from tests.contract.seed import Seed, said, session_of
from tests.contract.snapshot import snapshot

DISCRETE = memory_pb2.EXTRACTION_KIND_DISCRETE
CUSTOM = memory_pb2.EXTRACTION_KIND_CUSTOM
DAY = 24 * 3600


@pytest.fixture
def scope(new_scope: Callable[[], memory_pb2.Scope]) -> memory_pb2.Scope:
    return session_of(new_scope(), "s1")


def options(seconds: int = 0, **strategy: Any) -> memory_pb2.SessionOptions:
    return memory_pb2.SessionOptions(
        ttl=Duration(seconds=seconds) if seconds else None,
        strategy=memory_pb2.ExtractionStrategy(**{"kind": DISCRETE, **strategy}),
    )


async def append(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, *messages: memory_pb2.Message, **fields: Any
) -> memory_pb2.Session:
    request = pb.AppendMessagesRequest(scope=scope, messages=messages or [said()], **fields)
    session: memory_pb2.Session = (await memory.AppendMessages(request)).session
    return session


async def read(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, **fields: Any
) -> memory_pb2.Session:
    request = pb.GetWorkingMemoryRequest(scope=scope, **fields)
    session: memory_pb2.Session = (await memory.GetWorkingMemory(request)).session
    return session


def lives(session: memory_pb2.Session) -> float:
    """How many seconds after its last change the session expires."""
    micros = session.expire_time.ToMicroseconds() - session.update_time.ToMicroseconds()
    return micros / 1e6


async def test_an_append_sets_how_the_session_is_kept_from_then_on(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    plain = await append(memory, scope)
    assert (plain.options, plain.HasField("expire_time")) == (options(), False)
    kept = options(DAY, kind=CUSTOM, instructions="Only cats.")
    set_ = await append(memory, scope, options=kept)
    assert (set_.options, lives(set_)) == (kept, DAY)
    assert await append(memory, scope) == await read(memory, scope)
    session = await read(memory, scope)
    assert (session.options, lives(session)) == (kept, DAY)
    assert session.expire_time.ToMicroseconds() > set_.expire_time.ToMicroseconds()


async def test_lists_and_patches_say_how_a_session_is_kept(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    appended = await append(memory, scope, options=options(DAY))
    user = memory_pb2.Scope(namespace=scope.namespace, user_id=scope.user_id)
    (listed,) = (await memory.ListSessions(pb.ListSessionsRequest(scope=user))).sessions
    assert listed == appended
    patch = pb.PatchWorkingMemoryDataRequest(scope=scope, data={})
    patched = (await memory.PatchWorkingMemoryData(patch)).session
    assert (patched.options, lives(patched)) == (options(DAY), DAY)


async def test_a_put_without_options_takes_the_defaults(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    session = memory_pb2.Session(scope=scope, options=options(DAY, kind="EXTRACTION_KIND_NONE"))
    put = (await memory.PutWorkingMemory(pb.PutWorkingMemoryRequest(session=session))).session
    assert (put.options, lives(put)) == (session.options, DAY)
    assert put == await read(memory, scope)
    session.ClearField("options")
    put = (await memory.PutWorkingMemory(pb.PutWorkingMemoryRequest(session=session))).session
    assert (put.options, put.HasField("expire_time")) == (options(), False)


async def test_nothing_is_extracted_from_a_session_that_is_working_memory_alone(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await append(memory, scope, options=options(kind=memory_pb2.EXTRACTION_KIND_NONE))
    flushed = await memory.FlushSession(pb.FlushSessionRequest(scope=scope))
    assert (flushed.extracted_through, flushed.revision) == (1, 1)  # The turn can be searched.
    await append(memory, scope, said("I live in Lisbon."), options=options())
    flushed = await memory.FlushSession(pb.FlushSessionRequest(scope=scope))
    user = memory_pb2.Scope(namespace=scope.namespace, user_id=scope.user_id)
    listed = await memory.ListMemories(pb.ListMemoriesRequest(scope=user))
    assert flushed.extracted_through == 2
    assert all("Lisbon" in each.text for each in listed.memories)
    assert listed.total_size == 1


@pytest.mark.parametrize("searchable", [True, False])
async def test_of_a_session_without_extraction_its_turns_alone_stay_unless_it_keeps_them(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, searchable: bool
) -> None:
    kept = options(kind=memory_pb2.EXTRACTION_KIND_NONE)
    kept.turns_not_searchable = not searchable
    await append(memory, scope, said("I live in Lisbon."), options=kept)
    await memory.DeleteWorkingMemory(pb.DeleteWorkingMemoryRequest(scope=scope, extract_first=True))
    user = memory_pb2.Scope(namespace=scope.namespace, user_id=scope.user_id)
    every = pb.ListMemoriesRequest(scope=user, types=memory_pb2.MemoryType.values()[1:])
    left = (await memory.ListMemories(every)).memories
    assert [each.type for each in left] == [memory_pb2.MEMORY_TYPE_MESSAGE] * searchable


async def test_a_session_is_made_when_it_is_read_if_that_is_asked_for(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    asked = pb.GetWorkingMemoryRequest(
        scope=scope, create_if_missing=True, options=options(DAY, kind="EXTRACTION_KIND_NONE")
    )
    plain = pb.GetWorkingMemoryRequest(scope=scope)
    assert await refusal_of(memory.GetWorkingMemory(plain)) == SESSION_NOT_FOUND
    made = await memory.GetWorkingMemory(asked)
    assert (made.session.generation, made.session.message_count) == (1, 0)
    assert (made.session.options, lives(made.session)) == (asked.options, DAY)
    assert not made.messages
    asked.options.CopyFrom(options())
    assert await memory.GetWorkingMemory(asked) == made == await memory.GetWorkingMemory(plain)


async def test_many_who_make_a_session_make_one(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    asked = pb.GetWorkingMemoryRequest(scope=scope, create_if_missing=True)
    found = await asyncio.gather(*(memory.GetWorkingMemory(asked) for _ in range(20)))
    assert len({each.session.etag for each in found}) == 1
    assert found[0].session.generation == 1


async def test_a_session_that_is_made_is_the_users_own(
    memory: MemoryServiceStub,
    scope: memory_pb2.Scope,
    new_scope: Callable[[], memory_pb2.Scope],
) -> None:
    await read(memory, scope, create_if_missing=True)
    other = session_of(new_scope(), scope.session_id)
    asked = pb.GetWorkingMemoryRequest(scope=other)
    assert await refusal_of(memory.GetWorkingMemory(asked)) == SESSION_NOT_FOUND


async def test_options_in_a_read_change_nothing(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, database: Redis
) -> None:
    await append(memory, scope)
    before = await snapshot(database)
    await read(memory, scope, options=options(DAY))
    await read(memory, scope, options=options(DAY), create_if_missing=True)
    assert await snapshot(database) == before


BAD = {
    "no time": (memory_pb2.SessionOptions(ttl=Duration()), "ttl"),
    "too long": (options(3650 * DAY + 1), "ttl"),
    "unknown kind": (options(kind=99), "strategy.kind"),
    "custom without instructions": (options(kind=CUSTOM), "strategy.instructions"),
    "instructions without custom": (options(instructions="x"), "strategy.instructions"),
    "too many instructions": (
        options(kind=CUSTOM, instructions="é" * 2049),
        "strategy.instructions",
    ),
}


def bad_calls() -> list[tuple[str, Callable[[Seed], Any], Any]]:
    return [
        call
        for name, (given, at) in BAD.items()
        for call in (
            (
                f"append, {name}",
                lambda seed, o=given: pb.AppendMessagesRequest(
                    scope=seed.session, messages=[said()], options=o
                ),
                invalid(f"options.{at}"),
            ),
            (
                f"read, {name}",
                lambda seed, o=given: pb.GetWorkingMemoryRequest(
                    scope=seed.unknown_session, create_if_missing=True, options=o
                ),
                invalid(f"options.{at}"),
            ),
            (
                f"put, {name}",
                lambda seed, o=given: pb.PutWorkingMemoryRequest(
                    session=memory_pb2.Session(scope=seed.session, options=o)
                ),
                invalid(f"session.options.{at}"),
            ),
        )
    ]


@each_of(*bad_calls())
async def test_bad_options_are_refused_and_change_nothing(
    bad_call: BadCall, memory: MemoryServiceStub, seed: Seed, database: Redis
) -> None:
    await assert_refused_without_a_trace(bad_call, memory, seed, database)
