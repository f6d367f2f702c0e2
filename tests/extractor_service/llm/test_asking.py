"""The one model that all callers share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
    async with asking_for(llm, seconds=30) as asking:
        yield asking


@asynccontextmanager
async def asking_for(llm: ScriptedLlm, seconds: float) -> AsyncIterator[Asking]:
    """A job may take so long."""
    registry = CollectorRegistry()
    metrics = LlmMetrics(registry)
    endurance = Endurance(seconds=seconds, concurrency=1, failures=1, pause=30)
    client = ChatClient(llm.url, "", 1, metrics)
    model = LanguageModel(client, Sampling("wise", 0, 100), Dialect(), endurance, metrics)
    yield Asking(model, registry)
    await model.close()


def calls(asking: Asking, outcome: str) -> float | None:
    return asking.registry.get_sample_value("extractor_llm_calls_total", {"outcome": outcome})


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


async def test_a_request_that_waited_too_long_for_others_to_be_answered_is_none_either(
    llm: ScriptedLlm,
) -> None:
    gates = [asyncio.Event(), asyncio.Event()]
    llm.will(*(says(memories(1), gate=gate) for gate in gates))
    clock = asyncio.get_running_loop().time
    async with asking_for(llm, seconds=1) as asking:
        first = asyncio.ensure_future(asking.ask(30))
        await wait_until(lambda: llm.waiting == 1, "the model is asked")
        began = clock()
        late = asyncio.ensure_future(asking.ask(1))
        await wait_until(lambda: clock() > began + 0.6, "most of its time is gone")
        gates[0].set()
        await first
        with pytest.raises(LlmFailed) as caught:
            await late
        assert caught.value.failure is Failure.NO_SLOT
        assert asking.registry.get_sample_value("extractor_llm_skipping") == 0
        assert calls(asking, "timeout") is None
        assert calls(asking, "no_slot") == 1
        gates[1].set()


async def test_an_endpoint_that_does_not_answer_in_time_is_left_alone(llm: ScriptedLlm) -> None:
    gate = asyncio.Event()
    llm.will(says(memories(1), gate=gate))
    async with asking_for(llm, seconds=0.3) as asking:
        with pytest.raises(LlmFailed) as caught:
            await asking.ask(0.3)
        assert caught.value.failure is Failure.TIMEOUT
        assert asking.registry.get_sample_value("extractor_llm_skipping") == 1
        gate.set()


async def test_no_more_items_are_read_than_could_be_kept(asking: Asking, llm: ScriptedLlm) -> None:
    llm.will(says(memories(*range(1000))))
    assert await asking.ask(30) == list(range(64))
