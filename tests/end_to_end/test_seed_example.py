"""The example of the first page, with the bundled model: what meaning is needed for."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest
from agentmemory.v1 import memory_pb2, memory_service_pb2

from examples.stack import in_directory, running
from tests.support.client import SEMANTIC, Caller, connected, said
from tests.support.stack import FAST

INTRODUCTION = (
    "I'm Alice, I work as a Product Manager at StartupCorp. "
    "I prefer morning meetings and I'm vegetarian."
)
GREETING = "Hello Alice! I work best with clear goals, and I like your taste in food."
JOB = "Alice works as a Product Manager at StartupCorp."
MEETINGS = "Alice prefers morning meetings."
DIET = "Alice is vegetarian."


@dataclass(frozen=True)
class Seed:
    """Who said it, and what is remembered, by its text."""

    caller: Caller
    memories: dict[str, memory_pb2.Memory]


@pytest.fixture(scope="module")
async def seed() -> AsyncIterator[Seed]:
    with tempfile.TemporaryDirectory(prefix="am-e2e-") as name:
        options = replace(in_directory(Path(name)), memory=FAST)
        before = psutil.Process().children(recursive=True)
        async with running(options) as stack, connected(stack.addresses.memory) as stub:
            ours = set(psutil.Process().children(recursive=True)) - set(before)
            caller = Caller(stub, user="seed")
            greeting = memory_pb2.Message(role=memory_pb2.ROLE_ASSISTANT, content=GREETING)
            introduction = said(INTRODUCTION, name="", id_="introduction")
            await caller.append("s1", [introduction, greeting])
            await caller.flush("s1")
            yield Seed(caller, {memory.text: memory for memory in await caller.memories()})
        assert len(ours) == 3
        assert not any(process.is_running() for process in ours), "a stack that ended is left over"


async def test_the_introduction_gives_exactly_her_job_her_preference_and_her_diet(
    seed: Seed,
) -> None:
    assert seed.memories.keys() == {JOB, MEETINGS, DIET}


async def test_all_of_them_are_facts_about_alice_with_topics_and_a_vector(seed: Seed) -> None:
    for memory in seed.memories.values():
        assert memory.type == memory_pb2.MEMORY_TYPE_SEMANTIC
        assert "Alice" in {entity.name for entity in memory.entities}
        assert memory.topics
        assert memory.embedding_state == memory_pb2.EMBEDDING_STATE_READY
        assert memory.extractor


async def test_the_employer_is_an_entity_of_the_job(seed: Seed) -> None:
    assert "StartupCorp" in {entity.name for entity in seed.memories[JOB].entities}


@pytest.mark.parametrize(
    ("text", "said_as"),
    [(JOB, "I work as a Product Manager"), (MEETINGS, "morning"), (DIET, "vegetarian")],
)
async def test_each_says_which_passage_of_which_message_it_comes_from(
    seed: Seed, text: str, said_as: str
) -> None:
    (source,) = seed.memories[text].sources
    assert (source.session_id, source.message_id) == ("s1", "introduction")
    assert said_as in INTRODUCTION.encode()[source.start : source.end].decode()


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What food should we order for her?", DIET),
        ("When does she like to talk to colleagues?", MEETINGS),
        ("What is her profession?", JOB),
    ],
)
async def test_a_question_in_other_words_finds_the_fact_by_meaning(
    seed: Seed, question: str, answer: str
) -> None:
    best, *_ = await seed.caller.found(question, mode=SEMANTIC)
    assert best == answer


async def test_a_prompt_has_the_memories_the_conversation_and_the_question(seed: Seed) -> None:
    request = memory_service_pb2.BuildPromptRequest(
        scope=seed.caller.scope("s1"), query="What can I cook for her?"
    )
    prompt = await seed.caller.stub.BuildPrompt(request, timeout=30)
    memories, *conversation, question = prompt.messages
    assert memories.role == memory_pb2.ROLE_SYSTEM
    assert DIET in memories.content
    assert [message.content for message in conversation] == [INTRODUCTION, GREETING]
    assert (question.role, question.content) == (memory_pb2.ROLE_USER, "What can I cook for her?")
    assert not prompt.degraded
