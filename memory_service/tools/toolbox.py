"""Runs a model's calls: a bad call is answered, and only what is not the model's fault fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from memory_service.domain.errors import (
    InvalidField,
    MemoryExists,
    MemoryNotFound,
    SessionNotFound,
)
from memory_service.domain.session import ToolCall
from memory_service.tools.arguments import BadCall, read_arguments
from memory_service.tools.caller import Action, Caller, Outcome
from memory_service.tools.results import Result
from memory_service.tools.toolset import Toolset
from memory_service.translate import scopes

_MENDED: Mapping[type[Exception], str] = {
    MemoryNotFound: "there is no memory of this id; take one that a search gave",
    MemoryExists: "another memory says just that already",
    SessionNotFound: "nothing is kept of this conversation yet",
}


class Tools(Protocol):
    """Some tools."""

    def actions(self) -> Mapping[str, Action]:
        """Return what is done by the tools' own names."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model is told, and the owner's revision if memories were written."""

    result: Result
    is_error: bool = False
    revision: int = 0


class Toolbox:
    """All tools."""

    def __init__(self, tools: Sequence[Tools]) -> None:
        self._actions = {name: act for each in tools for name, act in each.actions().items()}

    async def run(self, call: ToolCall, offered: Toolset, caller: Caller) -> Answer:
        """Answer a call of one of the tools that the model was offered.

        Raises InvalidField if the tool works on a session and the caller's scope names none, and
        errors of the domain that no other call would mend.
        """
        if call.name not in offered:
            return _bad(f"there is no such tool; the tools are: {', '.join(offered)}")
        own, tool = offered[call.name]
        if tool.of_session:
            scopes.session(caller.tenant, caller.scope)
        try:
            outcome = await self._outcome(own, call.arguments, caller)
        except (BadCall, InvalidField) as error:
            return _bad(str(error).removeprefix("memory."))
        except tuple(_MENDED) as error:
            return _bad(_MENDED[type(error)])
        return Answer(outcome.result, revision=outcome.revision)

    async def _outcome(self, own: str, arguments: str, caller: Caller) -> Outcome:
        return await self._actions[own](caller, read_arguments(own, arguments))


def _bad(what: str) -> Answer:
    return Answer({"error": what}, is_error=True)
