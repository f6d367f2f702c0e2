"""A session of working memory, as the domain knows it."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from memory_service.domain.errors import MessageIdReused
from memory_service.domain.failed_ranges import FailedRanges
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


def without_repeats(messages: Sequence[NewMessage]) -> list[NewMessage]:
    """Return `messages`, each id once. Raises MessageIdReused if one stands for two messages."""
    seen: dict[str, NewMessage] = {}
    kept = []
    for index, message in enumerate(messages):
        earlier = seen.get(message.id)
        if earlier is None:
            kept.append(message)
        elif earlier != message:
            raise MessageIdReused(index)
        if message.id:
            seen[message.id] = message
    return kept


@dataclass(frozen=True, slots=True)
class Notes:
    """What the caller keeps with a session, beside its messages."""

    data: str = ""
    """JSON object, or nothing."""
    context: str = ""


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
    failed_ranges: FailedRanges = ()

    @property
    def etag(self) -> str:
        """Tell two states of a session apart, over its generations too."""
        return f"{self.generation:x}-{self.version:x}"

    @property
    def pending(self) -> int:
        """How many messages wait to be extracted, for the first time or again."""
        return self.tail - self.cursor + self.retrying

    @property
    def next_range(self) -> tuple[int, int]:
        """The first and last sequence of what is to be extracted next: what is new comes first."""
        again = next(((r.first, r.last) for r in self.failed_ranges if r.retrying), None)
        if again and self.cursor == self.tail:
            return again
        return self.cursor + 1, self.tail

    @property
    def retrying(self) -> int:
        """How many messages wait to be extracted again."""
        return sum(each.count for each in self.failed_ranges if each.retrying)
