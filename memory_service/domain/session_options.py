"""How a session is kept, and what is extracted from it."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class ExtractionKind(enum.Enum):
    """What is extracted from a session; the value is stored and never changes."""

    DISCRETE = "discrete"
    PREFERENCES = "preferences"
    SUMMARY = "summary"
    CUSTOM = "custom"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Strategy:
    """How a session is extracted; `instructions` go with CUSTOM, and with nothing else.

    `include_assistant`: also what the assistant did for the user.
    """

    kind: ExtractionKind = ExtractionKind.DISCRETE
    instructions: str = ""
    include_assistant: bool = False

    @property
    def extracts(self) -> bool:
        """Whether messages are extracted at all."""
        return self.kind is not ExtractionKind.NONE


DISCRETE = Strategy()


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How a session is kept: `ttl` microseconds after its last change by a caller, or forever.

    `time_zone` is that of messages without one of their own; UTC if it is empty. `searchable`: its
    turns can be found as memories.
    """

    ttl: int | None = None
    strategy: Strategy = DISCRETE
    time_zone: str = ""
    searchable: bool = True

    @property
    def reads(self) -> bool:
        """Whether anything is made of its messages."""
        return self.searchable or self.strategy.extracts


DEFAULTS = SessionOptions()
