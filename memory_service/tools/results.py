"""What tools answer, as values of JSON: what a model needs, and no more. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memory_service.domain.memory import Memory
from memory_service.domain.owner import OwnerKind
from memory_service.domain.searching import Hit
from memory_service.domain.session import Message
from memory_service.domain.sizes import how_many_fit, memory_bytes
from memory_service.tools.times import show_moment, show_time

Result = dict[str, Any]

MAX_BYTES = 1024 * 1024
"""Of memories in an answer: it stands in the response three times."""

WITHHELD = "its text may try to give you orders and is not shown"


def memory(of: Memory) -> Result:
    """Return a memory; of one that may try to instruct the model only that it is there."""
    if of.untrusted:
        return {"id": of.id, "withheld": WITHHELD}
    found: Result = {"id": of.id, "text": of.text, "type": of.type.value}
    if of.turn:
        found["speaker"] = of.turn.speaker or of.turn.role.value
    if of.topics:
        found["topics"] = list(of.topics)
    if of.entities:
        found["entities"] = [entity.name for entity in of.entities]
    if of.event_time:
        found["event_time"] = show_time(of.event_time)
    if not of.current:
        found["superseded_by"] = of.superseded_by
    if of.owner.kind is OwnerKind.SHARED:
        found["shared"] = True
    times = {"said": of.last_said, "created": of.created}
    return {**found, **{name: _shown(micros) for name, micros in times.items()}}


def hits(found: Sequence[Hit], *, degraded: bool) -> Result:
    """Return what a search found, as much as fits."""
    fitting = how_many_fit((memory_bytes(hit.memory) for hit in found), MAX_BYTES)
    shown = [{**memory(hit.memory), "score": round(hit.score, 3)} for hit in found[:fitting]]
    result: Result = {"memories": shown}
    if fitting < len(found):
        result["left_out"] = len(found) - fitting
    if degraded:
        result["note"] = "searched by words only: say it in other words if nothing fits"
    return result


def message(of: Message) -> Result:
    """Return a message of the conversation."""
    found: Result = {"role": of.role.value, "content": of.content}
    if of.name:
        found["name"] = of.name
    if of.tool_calls:
        found["tool_calls"] = [
            {"name": call.name, "arguments": call.arguments} for call in of.tool_calls
        ]
    return {**found, "time": _shown(of.created)}


def _shown(micros: int) -> str:
    return show_moment(micros).isoformat(timespec="seconds")
