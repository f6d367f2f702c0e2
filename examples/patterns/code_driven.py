"""Code-driven: the application decides what is stored and looked up; the model sees the result.

Stores preferences in one call, asks several questions at once, and answers with what it knows.
"""

from __future__ import annotations

import asyncio
import json
import os

import grpc.aio
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from openai import AsyncOpenAI

from examples.command_line import no_arguments

ADDRESS = os.environ.get("AGENT_MEMORY", "127.0.0.1:50051")
MODEL = os.environ.get("MODEL", "gpt-4o-mini")
ALICE = memory_pb2.Scope(namespace="patterns", user_id="alice")

PREFERENCES = {
    "Alice is vegetarian and allergic to nuts.": "food",
    "Alice prefers a window seat on trains.": "travel",
    "Alice likes quiet hotels near the station.": "travel",
    "Alice takes no meetings before nine.": "work",
}
QUESTIONS = ("What can she eat?", "Which seat does she prefer?", "When is she free to meet?")


async def store(memory: MemoryServiceStub) -> int:
    """Store all preferences in one call; return the revision that has them."""
    memories = [memory_pb2.Memory(text=text, topics=[topic]) for text, topic in PREFERENCES.items()]
    request = pb.CreateMemoriesRequest(scope=ALICE, memories=memories, request_id="preferences-1")
    return (await memory.CreateMemories(request, timeout=30)).revision


async def best(memory: MemoryServiceStub, question: str, revision: int) -> str:
    """Return what answers a question best; `revision` makes sure that it sees what was stored."""
    options = memory_pb2.SearchOptions(min_revision=revision)
    request = pb.SearchMemoriesRequest(scope=ALICE, query=question, options=options, limit=1)
    found = await memory.SearchMemories(request, timeout=30)
    return found.hits[0].memory.text if found.hits else "nothing"


async def reply(memory: MemoryServiceStub, question: str) -> str:
    """Answer a question of Alice's, with the memories that matter in the prompt."""
    request = pb.BuildPromptRequest(
        scope=ALICE,
        query=question,
        instructions="You are a travel agent. Answer in two sentences.",
        token_budget=1500,
        formats=[pb.PROMPT_FORMAT_OPENAI],
    )
    prompt = await memory.BuildPrompt(request, timeout=30)
    print(f"prompt: {len(prompt.hits)} memories, {prompt.token_count} tokens")
    answer = await AsyncOpenAI().chat.completions.create(
        model=MODEL, messages=json.loads(prompt.openai_messages_json)
    )
    return answer.choices[0].message.content or ""


async def main() -> None:
    async with grpc.aio.insecure_channel(ADDRESS) as channel:
        memory = MemoryServiceStub(channel)
        revision = await store(memory)
        answers = await asyncio.gather(*(best(memory, each, revision) for each in QUESTIONS))
        for question, answer in zip(QUESTIONS, answers, strict=True):
            print(f"{question} {answer}")
        print(
            "reply:", await reply(memory, "Book me a trip to Bergen, dinner on the way included.")
        )


if __name__ == "__main__":
    no_arguments(__doc__)
    asyncio.run(main())
