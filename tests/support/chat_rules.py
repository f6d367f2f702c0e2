"""What the chat APIs demand of a conversation, as their references and error messages say."""

from __future__ import annotations

import re
from typing import Any

from anthropic.types import MessageParam
from openai.types.chat import ChatCompletionMessageParam
from pydantic import TypeAdapter

OPENAI_MESSAGES: TypeAdapter[Any] = TypeAdapter(list[ChatCompletionMessageParam])
ANTHROPIC_MESSAGES: TypeAdapter[Any] = TypeAdapter(list[MessageParam])

_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_OPENAI_KEYS = {
    "system": {"role", "content", "name"},
    "user": {"role", "content", "name"},
    "assistant": {"role", "content", "name", "tool_calls"},
    "tool": {"role", "content", "tool_call_id"},
}
_BLOCK_KEYS = {
    "text": {"type", "text"},
    "tool_use": {"type", "id", "name", "input"},
    "tool_result": {"type", "tool_use_id", "content"},
}


def assert_openai_takes(messages: list[dict[str, Any]]) -> None:
    OPENAI_MESSAGES.validate_python(messages)
    waiting: list[str] = []
    for message in messages:
        assert message.keys() <= _OPENAI_KEYS[message["role"]]
        if message["role"] == "tool":
            assert message["tool_call_id"] in waiting, "a result without its call"
            waiting.remove(message["tool_call_id"])
            continue
        assert waiting == [], "a call without its result"
        assert _TOOL_NAME.fullmatch(message.get("name", "nobody"))
        for call in message.get("tool_calls", ()):
            assert call.keys() == {"id", "type", "function"}
            assert call["type"] == "function"
            assert 0 < len(call["id"]) <= 40
            assert _TOOL_NAME.fullmatch(call["function"]["name"])
            waiting.append(call["id"])
        assert message["content"] or waiting, "neither a text nor a call"
    assert waiting == []


def assert_anthropic_takes(request: dict[str, Any]) -> None:
    assert request.keys() <= {"system", "messages"}
    assert request.get("system", "x").strip()
    messages = request["messages"]
    ANTHROPIC_MESSAGES.validate_python(messages)
    assert [m["role"] for m in messages] == [
        "assistant" if n % 2 else "user" for n in range(len(messages))
    ]
    waiting: list[str] = []
    seen: set[str] = set()
    for message in messages:
        kinds = [block["type"] for block in message["content"]]
        assert kinds
        results = [each for each in message["content"] if each["type"] == "tool_result"]
        assert kinds[: len(results)] == ["tool_result"] * len(results), "results come first"
        assert [each["tool_use_id"] for each in results] == waiting
        waiting = []
        for block in message["content"]:
            assert block.keys() == _BLOCK_KEYS[block["type"]]
            if block["type"] == "text":
                assert block["text"].strip(), "only white space"
            if block["type"] == "tool_use":
                assert message["role"] == "assistant"
                assert re.fullmatch(r"[a-zA-Z0-9_-]+", block["id"])
                assert _TOOL_NAME.fullmatch(block["name"])
                assert isinstance(block["input"], dict)
                assert block["id"] not in seen
                seen.add(block["id"])
                waiting.append(block["id"])
    assert waiting == []
