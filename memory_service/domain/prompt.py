"""A message for a chat model, as the domain knows it."""

from __future__ import annotations

from dataclasses import dataclass

from memory_service.domain.session import Role, ToolCall


@dataclass(frozen=True, slots=True)
class PromptMessage:
    """One message for a chat model."""

    role: Role
    content: str
    name: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
