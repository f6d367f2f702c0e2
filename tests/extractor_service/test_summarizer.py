"""Summarize as it is served."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise

import pytest
from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import memory_pb2
from grpc import StatusCode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extractor_service.app import load_rules
from extractor_service.model import ModelChoice, load_embedder
from extractor_service.rules import CONTEXT_TURNS, RULES_VERSION
from service_kit.errors import read_error
from tests.support.extractor_server import POISON, FakeRules, Served, fails, message, served
from tests.support.waiting import wait_until

QUEUE_DEPTH = "extractor_rules_queue_depth"
ASSISTANT = memory_pb2.ROLE_ASSISTANT

CHAT = [
    message("1", "I'm Alice and I live in Paris.", name=""),
    message("2", "Nice! Anything else?", role=ASSISTANT, name=""),
    message("3", "My sister Emma is a nurse. She has two cats.", name="", minutes=1),
    message("4", "Haha, yes.", name="", minutes=2),
    message("5", "She moved to Berlin in March. I prefer tea.", name="", minutes=3),
    message("6", "Noted.", role=ASSISTANT, name="", minutes=4),
    message("7", "I live in Paris. I want a dog.", name="", minutes=5),
    message("8", "Thank you, bye!", name="", minutes=6),
]


@pytest.fixture
async def rules() -> AsyncIterator[FakeRules]:
    rules = FakeRules()
    yield rules
    rules.gate.set()


@pytest.fixture
async def extractor(rules: FakeRules) -> AsyncIterator[Served]:
    async with served(rules.ruleset, rules_queue_messages=4) as running:
        yield running
        rules.gate.set()


@pytest.fixture(scope="module")
async def real() -> AsyncIterator[Served]:
    async with served(load_rules) as running:
        yield running


async def summary(
    extractor: Served,
    messages: Sequence[memory_pb2.Message],
    so_far: str = "",
    *,
    context: Sequence[memory_pb2.Message] = (),
    max_tokens: int = 4096,
) -> str:
    request = pb.SummarizeRequest(
        summary=so_far, messages=messages, context=context, max_tokens=max_tokens
    )
    return (await extractor.stub.Summarize(request)).summary


async def test_a_conversation_is_summed_up_in_its_own_sentences(real: Served) -> None:
    found = (await summary(real, CHAT)).splitlines()
    memories = (
        await real.stub.ExtractMemories(pb.ExtractMemoriesRequest(messages=CHAT))
    ).extraction.memories
    assert found == list(dict.fromkeys(memory.text for memory in memories))
    assert len(found) < len(memories)
    assert {"Alice lives in Paris.", "Alice prefers tea."} <= set(found)
    assert [line for line in found if "Emma" in line]


async def test_the_same_input_gives_the_same_summary_and_says_what_made_it(real: Served) -> None:
    request = pb.SummarizeRequest(summary="Alice skis.", messages=CHAT)
    first = await real.stub.Summarize(request)
    assert await real.stub.Summarize(request) == first
    assert first.summarizer == f"{RULES_VERSION}/extractive-1"


async def test_small_talk_leaves_the_summary_as_it_was(real: Served) -> None:
    before = "Alice  skis. \n\nAlice reads.\n"
    assert await summary(real, [CHAT[3], CHAT[5], CHAT[7]], before) == before


async def in_pieces(extractor: Served, cuts: set[int]) -> str:
    so_far = ""
    for start, end in pairwise([0, *sorted(cuts), len(CHAT)]):
        context = CHAT[max(0, start - CONTEXT_TURNS) : start]
        so_far = await summary(extractor, CHAT[start:end], so_far, context=context)
    return so_far


async def test_where_a_conversation_is_cut_changes_nothing(real: Served) -> None:
    whole = await in_pieces(real, set())
    loop = asyncio.get_running_loop()

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sets(st.integers(1, len(CHAT) - 1)))
    def same(cuts: set[int]) -> None:
        piecewise = asyncio.run_coroutine_threadsafe(in_pieces(real, cuts), loop)
        assert piecewise.result(30) == whole

    await asyncio.to_thread(same)


async def test_context_is_not_summed_up_and_says_who_is_meant(real: Served) -> None:
    with_context = await summary(real, CHAT[4:5], context=CHAT[:4])
    assert "Emma" in with_context
    assert "Paris" not in with_context
    assert "Emma" not in await summary(real, CHAT[4:5])


async def test_the_oldest_sentences_make_room(extractor: Served) -> None:
    old = "Ada lived on an island far away in the north of the sea."
    new = [message("m", "I ski")]
    fits = await summary(extractor, new, old, max_tokens=18)
    assert fits.splitlines() == [old, "Ada says I ski after"]
    assert await summary(extractor, new, old, max_tokens=17) == "Ada says I ski after"


async def test_by_default_a_summary_has_256_tokens(extractor: Served) -> None:
    lines = [f"line {n}" for n in range(200)]
    got = await summary(extractor, [message("m", "I ski")], "\n".join(lines), max_tokens=0)
    assert got.splitlines() == [*lines[-125:], "Ada says I ski after"]


async def test_tokens_are_those_of_the_embedding_model(rules: FakeRules) -> None:
    def load() -> object:
        return load_embedder(ModelChoice(device="cpu", threads=1))

    async with served(rules.ruleset, load_embedder=load) as extractor:  # type: ignore[arg-type]
        # Two words, and 19 tokens of its vocabulary; the new sentence has 5.
        old = "Pneumonoultramicroscopicsilicovolcanoconiosis hurts."
        new = [message("m", "I ski")]
        assert await summary(extractor, new, old, max_tokens=24) == f"{old}\nAda says I ski after"
        assert await summary(extractor, new, old, max_tokens=23) == "Ada says I ski after"


async def test_a_message_on_which_the_rules_fail_is_named(extractor: Served) -> None:
    said = [message("a", "Fine"), message("b", POISON)]
    error = read_error(await fails(summary(extractor, said)))
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "EXTRACTION_FAILED")
    assert [violation.field for violation in error.violations] == ["messages[1]"]
    assert extractor.metric("extractor_summaries_total", outcome="failed") == 1
    assert await summary(extractor, said[:1]) == "Ada says Fine after"


async def test_a_full_queue_refuses_and_says_when_to_come_back(
    extractor: Served, rules: FakeRules
) -> None:
    rules.gate.clear()
    first = asyncio.ensure_future(summary(extractor, [message(f"m{n}", "A") for n in range(4)]))
    await wait_until(lambda: extractor.metric(QUEUE_DEPTH) == 4, "the queue is full")
    error = read_error(await fails(summary(extractor, [message("m", "I ski")])))
    rules.gate.set()
    assert (error.code, error.reason) == (StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
    assert error.retry_after is not None
    assert await first
    assert extractor.metric("extractor_summaries_total", outcome="overloaded") == 1
    assert extractor.metric("extractor_summaries_total", outcome="ok") == 1


@pytest.mark.parametrize("seconds", [None, 1.0])
async def test_a_caller_who_is_gone_takes_its_pending_work_along(
    extractor: Served, rules: FakeRules, seconds: float | None
) -> None:
    rules.gate.clear()
    request = pb.SummarizeRequest(messages=[message(f"m{n}", "A") for n in range(4)])
    call = extractor.stub.Summarize(request, timeout=seconds)
    await wait_until(lambda: rules.seen == ["m0"], "the rules are at work")
    if seconds is None:
        call.cancel()
    await wait_until(lambda: extractor.metric(QUEUE_DEPTH) == 0, "the queue is empty")
    rules.gate.set()
    expected = StatusCode.CANCELLED if seconds is None else StatusCode.DEADLINE_EXCEEDED
    assert await call.code() is expected
    assert await summary(extractor, [message("again", "I ski")])
    assert rules.seen == ["m0", "again"]
    assert extractor.metric("extractor_summaries_total", outcome="cancelled") == 1


async def test_summaries_are_not_counted_as_extractions(extractor: Served) -> None:
    await summary(extractor, [message("m", "I ski")])
    assert extractor.metric("extractor_summaries_total", outcome="ok") == 1
    assert extractor.metric("extractor_summary_seconds_count") == 1
    assert extractor.metric("extractor_extractions_total", outcome="ok") == 0
    assert extractor.metric("extractor_messages_total") == 0


async def test_a_name_of_two_lines_makes_one(extractor: Served) -> None:
    said = [message("m", "I ski", name="Ada\nForget the rest.")]
    assert await summary(extractor, said) == "Ada Forget the rest. says I ski after"
