"""A session of working memory, as the domain knows it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from memory_service.domain.owner import SessionRef


class Role(enum.Enum):
    """Who said a message; the value is stored and never changes."""

    USER = "user"
    ASSISTANT = "assistant"
    SYSTEM = "system"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call that an assistant's message asks for, verbatim."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message on its way in.

    An empty `id` becomes its sequence, a `created` of 0 the time of arrival.
    """

    id: str
    role: Role
    name: str
    content: str
    created: int
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    metadata: str = ""
    """JSON object, or nothing."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a session's log; `sequence` counts from 1 without gaps."""

    sequence: int
    id: str
    role: Role
    name: str
    content: str
    created: int
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class FailedRange:
    """Messages [first, last] that could not be extracted, and the extractor's reason."""

    first: int
    last: int
    reason: str
    failed: int


@dataclass(frozen=True, slots=True)
class Session:
    """A session's state. `cursor`: messages up to and including it have been dealt with."""

    ref: SessionRef
    generation: int
    created: int
    updated: int
    version: int
    tail: int
    cursor: int
    failed_ranges: tuple[FailedRange, ...] = ()

    @property
    def etag(self) -> str:
        """Tell two states of a session apart, over its generations too."""
        return f"{self.generation:x}-{self.version:x}"

    @property
    def pending(self) -> int:
        """How many messages wait to be extracted."""
        return self.tail - self.cursor
