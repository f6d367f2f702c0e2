"""Tools + background: the model looks things up by tools; what is said is remembered by itself.

python -m examples.patterns.tools_and_background "I'm Alice, I play the cello." "What do I play?"
"""

from __future__ import annotations

import json
import os
import uuid
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
SCOPE = memory_pb2.Scope(
    namespace="patterns", user_id="alice", session_id=f"chat-{uuid.uuid4().hex[:8]}"
)
# Reading only: nothing has to be written by the model, as every turn is worked up anyway.
TOOLS = ["search_memories", "get_memory", "get_current_datetime"]


def append(memory: MemoryServiceStub, said: dict[str, Any]) -> None:
    """Append a turn as the model's API has it, tool calls included."""
    calls = said.get("tool_calls", ())
    message = memory_pb2.Message(
        role=memory_pb2.Role.Value(f"ROLE_{said['role'].upper()}"),
        content=said.get("content", "" if calls else "…"),
        tool_calls=[memory_pb2.ToolCall(id=call["id"], **call["function"]) for call in calls],
        tool_call_id=said.get("tool_call_id", ""),
    )
    memory.AppendMessages(pb.AppendMessagesRequest(scope=SCOPE, messages=[message]), timeout=30)


def answer(memory: MemoryServiceStub, model: OpenAI, line: str) -> str:
    """Answer from the whole conversation, which the service keeps."""
    append(memory, {"role": "user", "content": line})
    offered = memory.ListTools(pb.ListToolsRequest(names=TOOLS), timeout=30).tools
    tools: list[Any] = [json.loads(tool.schema_json) for tool in offered]
    request = pb.BuildPromptRequest(
        scope=SCOPE, query=line, memory_limit=0, formats=[pb.PROMPT_FORMAT_OPENAI]
    )
    messages = json.loads(memory.BuildPrompt(request, timeout=30).openai_messages_json)
    for _ in range(8):
        reply = model.chat.completions.create(model=MODEL, messages=messages, tools=tools)
        said = reply.choices[0].message
        for each in (said.model_dump(exclude_none=True), *results(memory, said.tool_calls or ())):
            append(memory, each)
            messages.append(each)
        if not said.tool_calls:
            return said.content or "…"
    return "I could not work that out."


def results(memory: MemoryServiceStub, calls: Any) -> list[dict[str, Any]]:
    jsons = [call.model_dump_json() for call in calls]
    requests = [pb.CallToolRequest(scope=SCOPE, call_json=each, names=TOOLS) for each in jsons]
    return [json.loads(memory.CallTool(each, timeout=30).message_json) for each in requests]


def main(lines: Sequence[str]) -> None:
    with grpc.insecure_channel(ADDRESS) as channel:
        memory, model = MemoryServiceStub(channel), OpenAI()
        for line in lines:
            print(f"user: {line}\nassistant: {answer(memory, model, line)}")
        memory.FlushSession(pb.FlushSessionRequest(scope=SCOPE), timeout=120)
        learned = memory.ListMemories(pb.ListMemoriesRequest(scope=SCOPE), timeout=30)
        print("remembered:", [found.text for found in learned.memories])


if __name__ == "__main__":
    main(lines_said(__doc__))
