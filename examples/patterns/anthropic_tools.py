"""LLM-driven, in Anthropic's form: ANTHROPIC_BASE_URL, ANTHROPIC_API_KEY and MODEL say which model.

python -m examples.patterns.anthropic_tools "I'm Alice, I moved to Bergen." "Where do I live?"
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
from anthropic import Anthropic

from examples.command_line import lines_said

ADDRESS = os.environ.get("AGENT_MEMORY", "127.0.0.1:50051")
MODEL = os.environ.get("MODEL", "claude-sonnet-4-5")
MAX_TOKENS = int(os.environ.get("MAX_TOKENS", "1024"))
SCOPE = memory_pb2.Scope(namespace="patterns", user_id="alice", session_id="anthropic")
TOOLS = ["search_memories", "create_memories", "edit_memory", "get_current_datetime"]
INSTRUCTIONS = "You are a helpful assistant with a memory. Look things up before you ask."
MOST_ROUNDS = 8


def answer(memory: MemoryServiceStub, model: Anthropic, line: str) -> str:
    """Answer with what is known already in the prompt, and with tools for the rest."""
    prompt = memory.BuildPrompt(
        pb.BuildPromptRequest(
            scope=SCOPE,
            query=line,
            instructions=INSTRUCTIONS,
            recent_messages=0,
            formats=[pb.PROMPT_FORMAT_ANTHROPIC],
        ),
        timeout=30,
    )
    request: dict[str, Any] = json.loads(prompt.anthropic_json)  # system, messages
    listed = pb.ListToolsRequest(names=TOOLS, format=pb.TOOL_FORMAT_ANTHROPIC)
    tools: list[Any] = [json.loads(t.schema_json) for t in memory.ListTools(listed).tools]
    for _ in range(MOST_ROUNDS):
        said = model.messages.create(model=MODEL, max_tokens=MAX_TOKENS, tools=tools, **request)
        blocks = [block.model_dump(exclude_none=True) for block in said.content]
        request["messages"].append({"role": "assistant", "content": blocks})
        results = [result(memory, block) for block in blocks if block["type"] == "tool_use"]
        if not results:
            return "".join(block.get("text", "") for block in blocks)
        request["messages"].append({"role": "user", "content": results})
    return "I could not work that out."


def result(memory: MemoryServiceStub, block: dict[str, Any]) -> dict[str, Any]:
    """Run one call, and return the tool_result block for it."""
    request = pb.CallToolRequest(scope=SCOPE, call_json=json.dumps(block), names=TOOLS)
    called = memory.CallTool(request, timeout=30)
    print(f"  tool {'refused' if called.is_error else 'answered'}: {called.content_json}")
    found: dict[str, Any] = json.loads(called.message_json)
    return found


def main(lines: Sequence[str]) -> None:
    with grpc.insecure_channel(ADDRESS) as channel:
        memory, model = MemoryServiceStub(channel), Anthropic()
        for line in lines:
            print("user:", line)
            print("assistant:", answer(memory, model, line))


if __name__ == "__main__":
    main(lines_said(__doc__))
