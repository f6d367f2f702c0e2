"""Summaries by a language model as they are served."""

from __future__ import annotations

import asyncio

from agentmemory.v1 import extractor_service_pb2 as pb

from tests.extractor_service.llm.conftest import Serve
from tests.support.extractor_server import Served, message
from tests.support.scripted_llm import ScriptedLlm, fails_with, memories, says, sentences

NEW = [message("m1", "I moved to Paris in March."), message("m2", "My sister Emma skis.")]
BY_RULES = "fake-1/extractive-1 after llm-3:wise"


async def summarize(
    extractor: Served, so_far: str = "", *, max_tokens: int = 0, seconds: float | None = None
) -> pb.SummarizeResponse:
    request = pb.SummarizeRequest(summary=so_far, messages=NEW, max_tokens=max_tokens)
    return await extractor.stub.Summarize(request, timeout=seconds)


async def test_the_model_writes_the_summary_anew(extractor: Served, llm: ScriptedLlm) -> None:
    llm.will(says(sentences("Ada moved to Paris", "Emma skis."), tokens=(300, 20)))
    got = await summarize(extractor, "Ada lives in Lyon.\nAda reads.")
    assert got.summary == "Ada moved to Paris.\nEmma skis."
    assert got.summarizer == "llm-3:wise"
    assert got.usage == pb.LlmUsage(prompt_tokens=300, completion_tokens=20, calls=1)
    [asked] = llm.asked
    assert '["Ada lives in Lyon.", "Ada reads."]' in asked.user
    assert "Emma skis" in asked.user
    assert extractor.metric("extractor_summaries_total", outcome="ok") == 1


async def test_what_the_old_summary_names_may_stay(extractor: Served, llm: ScriptedLlm) -> None:
    llm.will(says(sentences("Robert moved to Paris from Lyon.", "Bob skis.", "I ski in Paris.")))
    got = await summarize(extractor, "Robert lives in Lyon.")
    assert got.summary == "Robert moved to Paris from Lyon."
    assert extractor.metric("extractor_llm_dropped_total", reason="unknown_name") == 1
    assert extractor.metric("extractor_llm_dropped_total", reason="not_third_person") == 1


async def test_nothing_to_add_leaves_the_summary_as_it_was(
    extractor: Served, llm: ScriptedLlm
) -> None:
    llm.will(says(sentences()))
    before = "Ada  reads. \n\nAda skis.\n"
    assert (await summarize(extractor, before)).summary == before


async def test_a_summary_that_is_too_long_loses_its_oldest_sentences(
    extractor: Served, llm: ScriptedLlm
) -> None:
    newer = [f"Emma skis {n}." for n in range(9)]
    llm.will(says(sentences("Ada moved to Paris in March.", *newer)))
    got = await summarize(extractor, max_tokens=16)
    assert got.summary.splitlines() == newer[4:]


async def test_nonsense_is_asked_for_again_and_then_the_rules_sum_up(
    extractor: Served, llm: ScriptedLlm
) -> None:
    llm.will(says(sentences("I ski.", "Robert skis.")), says("no"), says(memories()))
    got = await summarize(extractor, "Ada reads.")
    assert got.summarizer == BY_RULES
    assert got.summary.splitlines()[:2] == [
        "Ada reads.",
        "Ada says I moved to Paris in March. after",
    ]
    assert got.usage.calls == 3
    for reason in ("nothing_valid", "no_json", "wrong_schema"):
        assert extractor.metric("extractor_llm_bad_replies_total", reason=reason) == 1


async def test_a_model_that_is_down_or_slow_leaves_it_to_the_rules(
    extractor: Served, llm: ScriptedLlm
) -> None:
    llm.will(fails_with(401), says(sentences(), gate=asyncio.Event()))
    assert (await summarize(extractor)).summarizer == BY_RULES
    got = await summarize(extractor, seconds=2)
    assert (got.summarizer, got.HasField("usage")) == (BY_RULES, False)


async def test_a_long_conversation_is_summed_up_piece_by_piece(
    serve: Serve, llm: ScriptedLlm
) -> None:
    llm.will(says(sentences("Ada moved to Paris.")), says(sentences("Ada moved.", "Emma skis.")))
    async with serve(llm_prompt_messages=1) as extractor:
        got = await summarize(extractor)
    assert got.summary == "Ada moved.\nEmma skis."
    assert '["Ada moved to Paris."]' in llm.asked[1].user
    assert got.usage.calls == 2
