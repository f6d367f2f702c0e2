"""Tool calls with their results. Pure.

Chat APIs refuse a tool's result that does not come right after the message that asked for it, and a
call without a result right after it. A log may have either: a result that came after somebody
else had spoken, a call that was broken off, ids that a server counts from 0 in every answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import takewhile

from memory_service.domain.prompt import PromptMessage
from memory_service.domain.session import Message, Role, ToolCall

_TAKEN_BY_ALL = re.compile(r"[a-zA-Z0-9_-]{1,40}")
"""Anthropic's API takes these characters in an id, OpenAI's this length."""


def paired(messages: Sequence[Message]) -> list[PromptMessage]:
    """Return `messages` as chat APIs take them.

    Calls and results stay only in pairs. An id that an API would refuse, or that stood for another
    call before, is replaced in both.
    """
    ids = _Ids()
    found: list[PromptMessage] = []
    for message, results in _with_results(messages):
        said = PromptMessage(message.role, message.content, message.name)
        pairs = _pairs(message, results)
        calls = tuple(replace(call, id=ids.taken(call.id)) for call, _ in pairs)
        if calls or message.content.strip():
            found.append(replace(said, tool_calls=calls))
        found += [
            PromptMessage(Role.TOOL, result.content, result.name, tool_call_id=call.id)
            for call, (_, result) in zip(calls, pairs, strict=True)
        ]
    return found


def _with_results(messages: Sequence[Message]) -> Iterator[tuple[Message, list[Message]]]:
    """Yield each message that is no result, and the results right after it."""
    for at, message in enumerate(messages):
        if message.role is not Role.TOOL:
            rest = (messages[i] for i in range(at + 1, len(messages)))
            yield message, list(takewhile(lambda each: each.role is Role.TOOL, rest))


def _pairs(message: Message, results: list[Message]) -> list[tuple[ToolCall, Message]]:
    """Return the calls that are answered, each with the first result of its id that is left."""
    if message.role is not Role.ASSISTANT:
        return []
    left = list(results)
    pairs = []
    for call in message.tool_calls:
        result = next((each for each in left if each.tool_call_id == call.id), None)
        if result is not None:
            left.remove(result)
            pairs.append((call, result))
    return pairs


class _Ids:
    """Ids of calls, each given once."""

    def __init__(self) -> None:
        self._given: set[str] = set()
        self._number = 0

    def taken(self, wanted: str) -> str:
        """Return `wanted` if it can be had, else another id."""
        found = wanted
        while not _TAKEN_BY_ALL.fullmatch(found) or found in self._given:
            self._number += 1
            found = f"call_{self._number}"
        self._given.add(found)
        return found
