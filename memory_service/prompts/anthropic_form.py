"""A prompt as Anthropic's messages API takes it. Pure.

The API wants system text in a field of its own, a user's message first, text that is more than
white space, calls and results as blocks, and results first in the message right after the calls.
Messages have no names, and those of one side in a row are one message.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from memory_service.domain.budget import PER_MESSAGE, PER_TOOL_CALL, Count
from memory_service.domain.prompt import PromptMessage
from memory_service.domain.session import Role, ToolCall
from memory_service.json_objects import json_object
from memory_service.prompts.names import spoken, tool_name

BEGUN_BEFORE = "(The conversation began before this.)"
"""Said for the user where the assistant would have the first word."""

Block = dict[str, Any]


def request(prompt: Sequence[PromptMessage]) -> dict[str, Any]:
    """Return `messages`, and `system` if there is any."""
    system = [each.content for each in prompt if each.role is Role.SYSTEM]
    text = "\n\n".join(each for each in system if each.strip())
    found = {"messages": _messages([each for each in prompt if each.role is not Role.SYSTEM])}
    return {"system": text, **found} if text else found


def to_json(prompt: Sequence[PromptMessage]) -> str:
    """Return that as JSON."""
    return json.dumps(request(prompt), ensure_ascii=False)


def tokens(prompt: Sequence[PromptMessage], count: Count) -> int:
    """Return how many tokens that has, counted as domain.budget does."""
    found = request(prompt)
    system = PER_MESSAGE + count(found["system"]) if "system" in found else 0
    blocks = [block for message in found["messages"] for block in message["content"]]
    said = sum(_tokens(block, count) for block in blocks)
    return system + PER_MESSAGE * len(found["messages"]) + said


def _messages(prompt: Sequence[PromptMessage]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for message in prompt:
        side = "assistant" if message.role is Role.ASSISTANT else "user"
        blocks = _blocks(message)
        if found and found[-1]["role"] == side:
            found[-1]["content"] += blocks
        elif blocks:
            found.append({"role": side, "content": blocks})
    if found and found[0]["role"] == "assistant":
        found.insert(0, {"role": "user", "content": [_text(BEGUN_BEFORE)]})
    return found


def _blocks(message: PromptMessage) -> list[Block]:
    if message.role is Role.TOOL:
        return [_result(message)]
    # The assistant has one voice here; a name before it would be taken up.
    name = message.name if message.role is Role.USER else ""
    text = [_text(spoken(name, message.content))] if message.content.strip() else []
    return [*text, *(_use(call) for call in message.tool_calls)]


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _use(call: ToolCall) -> Block:
    given = json_object(call.arguments)
    # What a model wrote instead of an object is kept; the API takes objects only.
    arguments = {"arguments": call.arguments} if given is None else given
    return {"type": "tool_use", "id": call.id, "name": tool_name(call.name), "input": arguments}


def _result(message: PromptMessage) -> Block:
    return {
        "type": "tool_result",
        "tool_use_id": message.tool_call_id,
        "content": message.content,
    }


def _tokens(block: Block, count: Count) -> int:
    match block["type"]:
        case "tool_use":
            text = json.dumps(block["input"], ensure_ascii=False)
            return PER_TOOL_CALL + count(block["name"]) + count(text)
        case "tool_result":
            return PER_TOOL_CALL + count(block["content"])
        case _:
            return count(block["text"])
