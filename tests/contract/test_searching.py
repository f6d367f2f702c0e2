"""What a search can be asked beside its query: boosts, cuts, and why a hit is where it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from google.protobuf.duration_pb2 import Duration

from tests.contract.seed import said, session_of


@pytest.fixture
async def scope(
    memory: MemoryServiceStub, new_scope: Callable[[], memory_pb2.Scope]
) -> memory_pb2.Scope:
    scope = new_scope()
    texts = ("Ann drinks green tea.", "Ann drinks green tea daily.", "Ann keeps bees.")
    memories = [memory_pb2.Memory(text=text) for text in texts]
    memories[2].pinned = True
    await memory.CreateMemories(pb.CreateMemoriesRequest(scope=scope, memories=memories))
    return scope


async def search(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, query: str = "tea", **options: Any
) -> pb.SearchMemoriesResponse:
    given = memory_pb2.SearchOptions(**options)
    request = pb.SearchMemoriesRequest(scope=scope, query=query, options=given, explain=True)
    return await memory.SearchMemories(request)


async def texts(*args: Any, **options: Any) -> list[str]:
    return [hit.memory.text for hit in (await search(*args, **options)).hits]


async def test_a_score_is_explained_down_to_its_last_part(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    best = (await search(memory, scope, "Does Ann drink tea?")).hits[0]
    signals = {signal.name: signal for signal in best.explanation.signals}
    assert {"bias", "meaning", "words", "length"} <= signals.keys()
    assert {arm.arm for arm in best.explanation.arms} == {"semantic", "keyword"}
    for arm, name in (("semantic", "meaning"), ("keyword", "words")):
        (said_by,) = [each for each in best.explanation.arms if each.arm == arm]
        assert (said_by.normalized, said_by.weight) == (signals[name].value, signals[name].weight)


async def test_without_a_query_the_newest_come_first_whatever_they_say(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    for query in ("", "  "):
        answer = await search(memory, scope, query)
        assert [hit.memory.text for hit in answer.hits] == [
            "Ann keeps bees.",
            "Ann drinks green tea daily.",
            "Ann drinks green tea.",
        ]
        assert {hit.score for hit in answer.hits} == {0}
    assert await texts(memory, scope, "", min_score=0.1) == []


async def test_of_hits_that_say_nearly_the_same_one_is_enough(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    assert len(await texts(memory, scope)) == 3
    found = await texts(memory, scope, collapse_duplicates=True)
    assert len([text for text in found if "tea" in text]) == 1


async def test_without_a_query_as_many_are_given_though_some_say_the_same(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    again = [memory_pb2.Memory(text=f"Ann keeps her bees{end}") for end in ("?", " ?", "  ??")]
    await memory.CreateMemories(pb.CreateMemoriesRequest(scope=scope, memories=again))
    given = memory_pb2.SearchOptions(collapse_duplicates=True)
    request = pb.SearchMemoriesRequest(scope=scope, options=given, limit=2)
    hits = (await memory.SearchMemories(request)).hits
    assert [hit.memory.text for hit in hits] == [
        "Ann keeps her bees  ??",
        "Ann drinks green tea daily.",
    ]


async def test_without_a_query_what_is_important_can_come_first(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    later = [memory_pb2.Memory(id=f"{n}", text=f"Ann ran {n} miles.") for n in range(1, 4)]
    await memory.CreateMemories(pb.CreateMemoriesRequest(scope=scope, memories=later))
    given = memory_pb2.SearchOptions(importance_weight=1)
    request = pb.SearchMemoriesRequest(scope=scope, options=given, limit=3)
    hits = (await memory.SearchMemories(request)).hits
    # Of what is equally important, what was stored last comes first.
    assert [hit.memory.text for hit in hits] == [
        "Ann keeps bees.",
        "Ann ran 3 miles.",
        "Ann ran 2 miles.",
    ]


async def test_hits_stop_where_the_tokens_do(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    whole = await texts(memory, scope)
    assert await texts(memory, scope, max_tokens=1) == []
    assert await texts(memory, scope, max_tokens=9) == whole[:1]
    assert await texts(memory, scope, max_tokens=1000) == whole


async def test_what_is_important_can_come_first(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    plain, favoured = await search(memory, scope), await search(memory, scope, importance_weight=10)
    assert plain.hits[0].memory.text != "Ann keeps bees."
    first = favoured.hits[0]
    assert first.memory.text == "Ann keeps bees."
    (boost,) = first.explanation.boosts
    assert (boost.name, boost.value, boost.weight) == ("importance", 1, 10)
    (before,) = [hit.score for hit in plain.hits if hit.memory.id == first.memory.id]
    assert first.score == pytest.approx((before + 10) / 11)


async def test_what_was_said_lately_can_come_first(
    memory: MemoryServiceStub, new_scope: Callable[[], memory_pb2.Scope]
) -> None:
    scope = session_of(new_scope(), "s1")
    old, new = said("I drink tea, green tea."), said("Coffee, and some tea.")
    old.create_time.FromJsonString("2020-01-01T00:00:00Z")
    await memory.AppendMessages(pb.AppendMessagesRequest(scope=scope, messages=[old, new]))
    await memory.FlushSession(pb.FlushSessionRequest(scope=scope))
    message = {"types": [memory_pb2.MEMORY_TYPE_MESSAGE], "mode": memory_pb2.SEARCH_MODE_KEYWORD}
    assert await texts(memory, scope, "green tea", **message) == [old.content, new.content]
    recency = memory_pb2.RecencyBoost(weight=10, half_life=Duration(seconds=3600))
    assert await texts(memory, scope, "green tea", recency=recency, **message) == [
        new.content,
        old.content,
    ]


async def test_the_name_of_who_talks_does_not_drown_what_is_asked(
    memory: MemoryServiceStub, new_scope: Callable[[], memory_pb2.Scope]
) -> None:
    scope = session_of(new_scope(), "s1")
    talk = [said("I am Ann, Ann of Ely, Ann.", name="Ann"), said("I keep bees.", name="Ann")]
    await memory.AppendMessages(pb.AppendMessagesRequest(scope=scope, messages=talk))
    await memory.FlushSession(pb.FlushSessionRequest(scope=scope))
    message = {"types": [memory_pb2.MEMORY_TYPE_MESSAGE]}
    best = (await search(memory, scope, "Does Ann keep bees?", **message)).hits[0]
    assert best.memory.text == "I keep bees."
    assert {signal.name for signal in best.explanation.signals} >= {"named", "neighbor", "vote"}
