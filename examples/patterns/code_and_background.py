"""Code + background: a chat whose turns are remembered by themselves, and code that uses them.

python -m examples.patterns.code_and_background "I'm Alice, I'm vegetarian." "What's for dinner?"
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Sequence

import grpc
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from openai import OpenAI

from examples.command_line import lines_said

ADDRESS = os.environ.get("AGENT_MEMORY", "127.0.0.1:50051")
MODEL = os.environ.get("MODEL", "gpt-4o-mini")
SCOPE = memory_pb2.Scope(
    namespace="patterns", user_id="alice", session_id=f"chat-{uuid.uuid4().hex[:8]}"
)
INSTRUCTIONS = "You are a kind assistant. Answer in two sentences."


def append(memory: MemoryServiceStub, role: memory_pb2.Role.ValueType, content: str) -> None:
    """Append one turn: the session keeps it, and what it tells is remembered, seconds later."""
    message = memory_pb2.Message(role=role, content=content)
    memory.AppendMessages(pb.AppendMessagesRequest(scope=SCOPE, messages=[message]), timeout=30)


def answer(memory: MemoryServiceStub, model: OpenAI, line: str) -> str:
    """Answer with this conversation and memories of all others in the prompt."""
    append(memory, memory_pb2.ROLE_USER, line)
    request = pb.BuildPromptRequest(
        scope=SCOPE,
        query=line,  # It is the session's newest message already, and is not said twice.
        instructions=INSTRUCTIONS,
        model_name="gpt-4o",  # Sets the budget.
        formats=[pb.PROMPT_FORMAT_OPENAI],
    )
    prompt = memory.BuildPrompt(request, timeout=30)
    said = model.chat.completions.create(
        model=MODEL, messages=json.loads(prompt.openai_messages_json)
    )
    content = said.choices[0].message.content or "…"
    append(memory, memory_pb2.ROLE_ASSISTANT, content)
    return content


def keep(memory: MemoryServiceStub, query: str) -> str:
    """Pin what answers a question best, so that it is never forgotten for its age."""
    found = memory.SearchMemories(pb.SearchMemoriesRequest(scope=SCOPE, query=query), timeout=30)
    if not found.hits:
        return "nothing"
    pinned = memory_pb2.Memory(id=found.hits[0].memory.id, pinned=True)
    request = pb.UpdateMemoryRequest(scope=SCOPE, memory=pinned, update_mask={"paths": ["pinned"]})
    return memory.UpdateMemory(request, timeout=30).memory.text


def main(lines: Sequence[str]) -> None:
    with grpc.insecure_channel(ADDRESS) as channel:
        memory, model = MemoryServiceStub(channel), OpenAI()
        for line in lines:
            print("user:", line)
            print("assistant:", answer(memory, model, line))
        memory.FlushSession(pb.FlushSessionRequest(scope=SCOPE), timeout=120)
        print("pinned:", keep(memory, "What does she eat?"))


if __name__ == "__main__":
    main(lines_said(__doc__))
