"""A session of working memory, as the domain knows it."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace

from memory_service.domain.errors import MessageIdReused
from memory_service.domain.failed_ranges import FailedRanges
from memory_service.domain.owner import SessionRef
from memory_service.domain.session_options import DEFAULTS, SessionOptions


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
    time_zone: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a session's log; `sequence` counts from 1 without gaps.

    `time_zone` is where it was said; "" is where the session's options say.
    """

    sequence: int
    id: str
    role: Role
    name: str
    content: str
    created: int
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    metadata: str = ""
    time_zone: str = ""

    def in_zone(self, default: str) -> Message:
        """Return the same, in this time zone unless it has one."""
        return self if self.time_zone else replace(self, time_zone=default)


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
class Summary:
    """What the messages up to and including `through` were about; empty while there is none."""

    text: str = ""
    through: int = 0


@dataclass(frozen=True, slots=True)
class Session:
    """A session's state. `cursor`: messages up to and including it have been dealt with.

    Memories that callers put into it are numbered like messages: `given_tail` is the last,
    and those up to `given_cursor` have been promoted. `summarized`: how far its summary reaches.
    """

    ref: SessionRef
    generation: int
    created: int
    updated: int
    version: int
    tail: int
    cursor: int
    failed_ranges: FailedRanges = ()
    given_tail: int = 0
    given_cursor: int = 0
    summarized: int = 0
    options: SessionOptions = DEFAULTS

    @property
    def expires(self) -> int | None:
        """When it expires if nothing changes; None: never."""
        return None if self.options.ttl is None else self.updated + self.options.ttl

    @property
    def etag(self) -> str:
        """Tell two states of a session apart, over its generations too."""
        return f"{self.generation:x}-{self.version:x}"

    @property
    def pending(self) -> int:
        """How many messages wait to be extracted, for the first time or again."""
        return self.tail - self.cursor + self.retrying

    @property
    def pending_memories(self) -> int:
        """How many memories that callers put into it wait to be promoted."""
        return self.given_tail - self.given_cursor

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
