"""LLM-driven: the model decides, by tools, what to remember and what to look up.

python -m examples.patterns.llm_driven "I'm Alice, I moved to Bergen." "Where do I live?"
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

import grpc
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from openai import OpenAI

from examples.command_line import lines_said

ADDRESS = os.environ.get("AGENT_MEMORY", "127.0.0.1:50051")
MODEL = os.environ.get("MODEL", "gpt-4o-mini")
# Whose memory it is, is said here. Nothing that the model writes can change it.
SCOPE = memory_pb2.Scope(namespace="patterns", user_id="alice", session_id="llm-driven")
# Only these are offered, and only these may be called.
TOOLS = ["search_memories", "create_memories", "edit_memory", "get_current_datetime"]
INSTRUCTIONS = "You are a helpful assistant with a memory. Look things up before you ask."
MOST_ROUNDS = 8

Messages = list[Any]


def answer(memory: MemoryServiceStub, model: OpenAI, messages: Messages) -> str:
    """Let the model call tools until it has an answer; both are added to the messages."""
    offered = memory.ListTools(pb.ListToolsRequest(names=TOOLS), timeout=30).tools
    tools: list[Any] = [json.loads(tool.schema_json) for tool in offered]
    for _ in range(MOST_ROUNDS):
        said = model.chat.completions.create(model=MODEL, messages=messages, tools=tools)
        message = said.choices[0].message
        messages.append(message.model_dump(exclude_none=True))
        if not message.tool_calls:
            return message.content or ""
        for call in message.tool_calls:
            request = pb.CallToolRequest(scope=SCOPE, call_json=call.model_dump_json(), names=TOOLS)
            called = memory.CallTool(request, timeout=30)
            # A bad call is an answer too: the model reads what to mend, and tries again.
            print(f"  tool {'refused' if called.is_error else 'answered'}: {called.content_json}")
            messages.append(json.loads(called.message_json))
    return "I could not work that out."


def main(lines: Sequence[str]) -> None:
    with grpc.insecure_channel(ADDRESS) as channel:
        memory, model = MemoryServiceStub(channel), OpenAI()
        messages: Messages = [{"role": "system", "content": INSTRUCTIONS}]
        for line in lines:
            print("user:", line)
            messages.append({"role": "user", "content": line})
            print("assistant:", answer(memory, model, messages))


if __name__ == "__main__":
    main(lines_said(__doc__))
