"""GetWorkingMemory within a budget of tokens, with a summary of what does not fit."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub

from tests.contract.refusals import invalid, refusal_of
from tests.contract.seed import said

NewScope = Callable[[], memory_pb2.Scope]

CITIES = ("Lisbon", "Oslo", "Quito", "Hanoi", "Perth", "Turin", "Accra", "Lyon")


@pytest.fixture
def session(new_scope: NewScope) -> memory_pb2.Scope:
    scope = new_scope()
    scope.session_id = "long"
    return scope


async def fill(memory: MemoryServiceStub, scope: memory_pb2.Scope, count: int) -> None:
    """A session of facts and a great deal of small talk."""
    texts = [
        f"I lived in {CITIES[i % len(CITIES)]} in {1950 + i}." if i % 10 == 0 else "Okay, thanks!"
        for i in range(count)
    ]
    for start in range(0, count, 250):
        messages = [said(text, name="Ann") for text in texts[start : start + 250]]
        await memory.AppendMessages(pb.AppendMessagesRequest(scope=scope, messages=messages))


async def read(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, **options: object
) -> pb.GetWorkingMemoryResponse:
    return await memory.GetWorkingMemory(pb.GetWorkingMemoryRequest(scope=scope, **options))  # type: ignore[arg-type]


async def test_what_fits_comes_whole_and_without_a_summary(
    memory: MemoryServiceStub, session: memory_pb2.Scope
) -> None:
    await fill(memory, session, 30)
    found = await read(memory, session, token_budget=10_000)
    assert len(found.messages) == 30
    assert (found.summary, found.summarized_through) == ("", 0)
    assert 30 * 4 < found.token_count < 1_000
    assert found.budget_used == pytest.approx(found.token_count / 10_000)


async def test_what_does_not_fit_is_summed_up_without_a_gap(
    memory: MemoryServiceStub, session: memory_pb2.Scope
) -> None:
    await fill(memory, session, 100)
    found = await read(memory, session, token_budget=300)
    sequences = [message.sequence for message in found.messages]
    assert sequences[-1] == 100
    assert all(later == earlier + 1 for earlier, later in pairwise(sequences))
    assert 0 < len(sequences) < 100
    assert found.summarized_through >= sequences[0] - 1
    assert "Lisbon" in found.summary
    assert 0 < found.token_count <= 300
    assert found.budget_used <= 1


@pytest.mark.parametrize("budget", [1, 8, 40, 100, 250, 700])
async def test_a_budget_is_never_exceeded(
    memory: MemoryServiceStub, session: memory_pb2.Scope, budget: int
) -> None:
    await fill(memory, session, 60)
    found = await read(memory, session, token_budget=budget)
    assert found.token_count <= budget
    assert found.budget_used <= 1


async def test_fewer_messages_than_fit_are_summed_up_too(
    memory: MemoryServiceStub, session: memory_pb2.Scope
) -> None:
    await fill(memory, session, 40)
    found = await read(memory, session, token_budget=5_000, recent_messages=5)
    assert [message.sequence for message in found.messages] == [36, 37, 38, 39, 40]
    assert found.summarized_through >= 35
    assert "Lisbon" in found.summary


async def test_a_summary_without_room_still_says_how_far_it_reaches(
    memory: MemoryServiceStub, session: memory_pb2.Scope
) -> None:
    await fill(memory, session, 60)
    found = await read(memory, session, token_budget=40)
    assert found.summary == ""
    assert 0 < found.summarized_through < 60
    assert found.messages[0].sequence <= found.summarized_through + 1


async def test_without_a_budget_the_summary_is_the_one_that_there_is(
    memory: MemoryServiceStub, session: memory_pb2.Scope
) -> None:
    await fill(memory, session, 40)
    first = await read(memory, session, recent_messages=5)
    assert (first.summary, first.token_count, first.budget_used) == ("", 0, 0)
    await read(memory, session, token_budget=100)
    second = await read(memory, session, recent_messages=5)
    assert second.summarized_through > 0
    assert "Lisbon" in second.summary
    assert (await read(memory, session, recent_messages=40)).summary == ""


async def test_a_model_is_known_by_its_name(
    memory: MemoryServiceStub, session: memory_pb2.Scope
) -> None:
    await fill(memory, session, 10)
    found = await read(memory, session, model_name="openai/gpt-4o")
    assert found.budget_used == pytest.approx(found.token_count / 89_600)


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"token_budget": -1}, "token_budget"),
        ({"token_budget": 10_000_001}, "token_budget"),
        ({"model_name": "no such model"}, "model_name"),
        ({"model_name": "gpt-4o", "token_budget": 5}, "model_name"),
        ({"recent_messages": 1_001, "token_budget": 5}, "recent_messages"),
        ({"before_sequence": 5, "token_budget": 5}, "before_sequence"),
        ({"before_sequence": 5, "model_name": "gpt-4o"}, "before_sequence"),
        ({"before_sequence": -1}, "before_sequence"),
    ],
)
async def test_a_budget_that_is_none_is_refused(
    memory: MemoryServiceStub, session: memory_pb2.Scope, options: dict[str, object], path: str
) -> None:
    refused = await refusal_of(read(memory, session, **options))
    assert refused == invalid(path)


async def test_an_empty_session_has_nothing_to_fit(
    memory: MemoryServiceStub, session: memory_pb2.Scope
) -> None:
    found = await read(memory, session, token_budget=5, create_if_missing=True)
    assert (list(found.messages), found.summary, found.token_count) == ([], "", 0)


async def test_a_session_of_another_has_no_summary_for_a_stranger(
    memory: MemoryServiceStub, session: memory_pb2.Scope, new_scope: NewScope
) -> None:
    await fill(memory, session, 40)
    await read(memory, session, token_budget=60)
    stranger = new_scope()
    stranger.session_id = session.session_id
    refused = await refusal_of(read(memory, stranger, token_budget=60))
    assert refused.reason == "SESSION_NOT_FOUND"


async def test_a_session_is_read_back_to_its_first_message_while_it_goes_on(
    memory: MemoryServiceStub, session: memory_pb2.Scope
) -> None:
    await fill(memory, session, 1_100)
    page = await read(memory, session, recent_messages=1_000)
    found = [message.sequence for message in page.messages]
    while page.messages:
        await fill(memory, session, 1)
        page = await read(memory, session, recent_messages=60, before_sequence=found[0])
        found[:0] = [message.sequence for message in page.messages]
    assert found == list(range(1, 1_101))
    assert page.session.message_count == 1_103


async def test_what_is_read_back_has_no_summary(
    memory: MemoryServiceStub, session: memory_pb2.Scope
) -> None:
    await fill(memory, session, 40)
    await read(memory, session, token_budget=100)
    found = await read(memory, session, before_sequence=36, recent_messages=5)
    assert [message.sequence for message in found.messages] == [31, 32, 33, 34, 35]
    assert (found.summary, found.summarized_through) == ("", 0)
    assert (await read(memory, session, before_sequence=41, recent_messages=5)).messages == (
        await read(memory, session, recent_messages=5)
    ).messages


async def test_pages_of_large_messages_come_back_smaller_and_without_a_gap(
    memory: MemoryServiceStub, session: memory_pb2.Scope
) -> None:
    for _ in range(3):
        large = [said("x" * 250 * 1024, name="Ann") for _ in range(8)]
        await memory.AppendMessages(pb.AppendMessagesRequest(scope=session, messages=large))
    first = await read(memory, session)
    second = await read(memory, session, before_sequence=first.messages[0].sequence)
    assert 0 < len(first.messages) < 24
    together = [message.sequence for message in (*second.messages, *first.messages)]
    assert together == list(range(together[0], 25))
    assert len(together) > len(first.messages)
