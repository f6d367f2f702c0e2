"""A prompt as OpenAI's chat completions API takes it. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from memory_service.domain.budget import PER_MESSAGE, PER_NAME, PER_TOOL_CALL, Count
from memory_service.domain.prompt import PromptMessage
from memory_service.domain.session import Role, ToolCall
from memory_service.prompts.names import speaker_name, spoken, tool_name


def messages(prompt: Sequence[PromptMessage]) -> list[dict[str, Any]]:
    """Return what is to be sent as `messages`."""
    return [_message(message) for message in prompt]


def to_json(prompt: Sequence[PromptMessage]) -> str:
    """Return that as JSON."""
    return json.dumps(messages(prompt), ensure_ascii=False)


def tokens(prompt: Sequence[PromptMessage], count: Count) -> int:
    """Return how many tokens that has, counted as domain.budget does."""
    return sum(_tokens(message, count) for message in messages(prompt))


def _message(message: PromptMessage) -> dict[str, Any]:
    if message.role is Role.TOOL:
        return {
            "role": "tool",
            "tool_call_id": message.tool_call_id,
            "content": message.content,
        }
    name = speaker_name(message.name)
    content = message.content if name else spoken(message.name, message.content)
    found: dict[str, Any] = {"role": message.role.value, "content": content}
    if name:
        found["name"] = name
    if message.tool_calls:
        found["content"] = content or None
        found["tool_calls"] = [_call(call) for call in message.tool_calls]
    return found


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": tool_name(call.name), "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _tokens(message: dict[str, Any], count: Count) -> int:
    name = PER_NAME + count(message["name"]) if "name" in message else 0
    result = PER_TOOL_CALL if message["role"] == "tool" else 0
    functions = [call["function"] for call in message.get("tool_calls", ())]
    calls = sum(PER_TOOL_CALL + count(f["name"]) + count(f["arguments"]) for f in functions)
    return PER_MESSAGE + count(message["content"] or "") + name + result + calls
