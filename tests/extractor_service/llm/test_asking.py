"""The one model that all callers share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from extractor_service.llm.answer import memories_form
from extractor_service.llm.client import ChatClient
from extractor_service.llm.dialect import Dialect, Sampling
from extractor_service.llm.failures import Failure, LlmFailed
from extractor_service.llm.metrics import LlmMetrics
from extractor_service.llm.model import Endurance, Job, LanguageModel, Question
from tests.support.scripted_llm import ScriptedLlm, memories, says
from tests.support.waiting import wait_until

QUESTION = Question([{"role": "user", "content": "What do you know?"}], memories_form(1, 3))


@dataclass(frozen=True)
class Asking:
    """A model with one request at a time, which one failure closes."""

    model: LanguageModel
    registry: CollectorRegistry

    async def ask(self, seconds: float) -> list[Any]:
        until = asyncio.get_running_loop().time() + seconds
        return await self.model.ask(QUESTION, list, Job(until, full=True))


@pytest.fixture
async def asking(llm: ScriptedLlm) -> AsyncIterator[Asking]:
    registry = CollectorRegistry()
    metrics = LlmMetrics(registry)
    endurance = Endurance(seconds=30, concurrency=1, failures=1, pause=30)
    client = ChatClient(llm.url, "", 1, metrics)
    model = LanguageModel(client, Sampling("wise", 0, 100), Dialect(), endurance, metrics)
    yield Asking(model, registry)
    await model.close()


async def test_waiting_for_the_requests_of_others_is_no_failure_of_the_endpoint(
    asking: Asking, llm: ScriptedLlm
) -> None:
    gate = asyncio.Event()
    llm.will(says(memories(1), gate=gate))
    first = asyncio.ensure_future(asking.ask(30))
    await wait_until(lambda: llm.waiting == 1, "the model is asked")
    with pytest.raises(LlmFailed) as caught:
        await asking.ask(0)
    assert caught.value.failure is Failure.NO_SLOT
    assert asking.registry.get_sample_value("extractor_llm_skipping") == 0
    gate.set()
    assert await first == [1]
    assert await asking.ask(30) == []


async def test_no_more_items_are_read_than_could_be_kept(asking: Asking, llm: ScriptedLlm) -> None:
    llm.will(says(memories(*range(1000))))
    assert await asking.ask(30) == list(range(64))
