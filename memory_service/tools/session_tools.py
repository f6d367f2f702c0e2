"""Tools on the session."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agentmemory.v1 import memory_service_pb2 as pb
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct

from memory_service.clock import Clock
from memory_service.guarding import Guard
from memory_service.reading import Reading
from memory_service.store.sessions import SessionStore
from memory_service.tools import results
from memory_service.tools.arguments import BadCall
from memory_service.tools.caller import Action, Caller, Outcome
from memory_service.tools.catalogue import DEFAULT_RECENT
from memory_service.tools.given_memories import new_memories
from memory_service.translate import session_data
from memory_service.translate.structs import DEEPEST, too_deep
from memory_service.working_memory import WorkingMemory

READ_TOKENS = 8_000
"""How much of a conversation a model is given at a time."""

_MODES = {
    "merge": pb.PATCH_MODE_MERGE,
    "deep_merge": pb.PATCH_MODE_DEEP_MERGE,
    "replace": pb.PATCH_MODE_REPLACE,
}


class SessionTools:
    """Read the session, keep data with it, note facts in it."""

    def __init__(
        self,
        sessions: SessionStore,
        reading: Reading,
        working_memory: WorkingMemory,
        guard: Guard,
        clock: Clock,
    ) -> None:
        self._sessions = sessions
        self._reading = reading
        self._working_memory = working_memory
        self._guard = guard
        self._clock = clock

    def actions(self) -> Mapping[str, Action]:
        """Return what is done by the tools' own names."""
        return {
            "read_session": self._read,
            "update_session_data": self._update_data,
            "add_to_working_memory": self._add,
        }

    async def _read(self, caller: Caller, given: dict[str, Any]) -> Outcome:
        read = await self._reading.read(
            caller.session,
            given.get("recent_messages", DEFAULT_RECENT),
            budget=READ_TOKENS,
            time_left=caller.time_left,
        )
        notes = read.whole.notes
        kept = {
            "summary": read.summary.text,
            "data": json.loads(notes.data or "{}"),
            "context": notes.context,
        }
        shown = [results.message(message) for message in read.messages]
        return Outcome({"messages": shown, **{name: v for name, v in kept.items() if v}})

    async def _update_data(self, caller: Caller, given: dict[str, Any]) -> Outcome:
        mode = _MODES[given.get("mode", "merge")]
        request = pb.PatchWorkingMemoryDataRequest(data=_struct(given["data"]), mode=mode)
        _, notes = await self._working_memory.patch(
            caller.session, *session_data.patch(request), request=caller.request
        )
        return Outcome({"data": json.loads(notes.data or "{}")})

    async def _add(self, caller: Caller, given: dict[str, Any]) -> Outcome:
        new = await new_memories(given["memories"], self._guard)
        appended = await self._sessions.append(
            caller.session, [], memories=new, now=self._clock.now(), request=caller.request
        )
        return Outcome({"noted": len(new), "waiting": appended.session.pending_memories})


def _struct(value: dict[str, Any]) -> Struct:
    if too_deep(value):
        raise BadCall(f"data: is nested more than {DEEPEST} deep")
    try:
        return json_format.ParseDict(value, Struct())
    except (json_format.ParseError, ValueError, OverflowError) as error:
        raise BadCall("data: has a number that is too large") from error
