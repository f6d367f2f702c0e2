"""A message for a chat model, as the domain knows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memory_service.domain.session import Message, Role, ToolCall


@dataclass(frozen=True, slots=True)
class PromptMessage:
    """One message for a chat model."""

    role: Role
    content: str
    name: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


def ends_with(messages: Sequence[Message | PromptMessage], query: str) -> bool:
    """Tell whether the newest of `messages` (oldest first) is the query already."""
    newest = messages[-1] if messages else None
    return newest is not None and (newest.role, newest.content) == (Role.USER, query)
