"""On whose behalf a tool is called: from the caller's request, never from a model's arguments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from agentmemory.v1 import memory_pb2

from memory_service.domain.owner import Owner, SessionRef
from memory_service.domain.requests import RequestKey
from memory_service.tools.results import Result
from memory_service.translate import scopes


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose memory a call works on, whose it finds, and what tells a repeat of it."""

    tenant: str
    scope: memory_pb2.Scope
    visibility: memory_pb2.Visibility.ValueType
    request: RequestKey | None
    time_left: float | None

    @property
    def owner(self) -> Owner:
        """The owner. Raises InvalidField."""
        return scopes.owner(self.tenant, self.scope)

    @property
    def others(self) -> tuple[Owner, ...]:
        """Whose memories it finds beside its own; they can only be read. Raises InvalidField."""
        found = scopes.searched(self.tenant, self.scope, self.visibility)
        return tuple(owner for owner in found if owner != self.owner)

    @property
    def session(self) -> SessionRef:
        """The session. Raises InvalidField if the scope names none."""
        return scopes.session(self.tenant, self.scope)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tool answers; `revision` is the owner's, if memories were written."""

    result: Result = field(default_factory=dict)
    revision: int = 0


Action = Callable[[Caller, dict[str, Any]], Awaitable[Outcome]]
"""Does what a tool is for. Raises BadCall and errors of the domain."""
