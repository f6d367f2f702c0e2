"""A message as one entry of a session's log, and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace

from memory_service.domain.session import Message, NewMessage, Role, ToolCall


def encode(message: NewMessage) -> str:
    """Return the entry's field `message`: JSON, the same for the same message."""
    body = {
        "id": message.id,
        "role": message.role.value,
        "name": message.name,
        "content": message.content,
        "created": message.created,
        "tool_calls": [(call.id, call.name, call.arguments) for call in message.tool_calls],
        "tool_call_id": message.tool_call_id,
        "metadata": message.metadata,
        "time_zone": message.time_zone,
    }
    given = {name: value for name, value in body.items() if value}
    return json.dumps(given, ensure_ascii=False, separators=(",", ":"))


def log_argument(message: NewMessage, now: int) -> dict[str, str]:
    """Return what the scripts that write a log want of a message.

    The digest is of what the caller gave: a repeat without a time is still the same message.
    """
    timed = message if message.created else replace(message, created=now)
    return {
        "id": message.id,
        "body": encode(timed),
        "digest": _digest(message),
        "imported_digest": imported_digest(message),
    }


def imported_digest(message: NewMessage) -> str:
    """Return the digest of a message of which nobody knows whether its time was given."""
    return "~" + _digest(replace(message, created=0))


def _digest(message: NewMessage) -> str:
    return hashlib.blake2b(encode(message).encode(), digest_size=16).hexdigest()


def decode(entry_id: bytes, fields: Mapping[bytes, bytes]) -> Message:
    """Return the message of an entry; its sequence is the first half of the entry's id."""
    sequence = int(entry_id.partition(b"-")[0])
    body = json.loads(fields[b"message"])
    return Message(
        sequence=sequence,
        id=body.get("id") or str(sequence),
        role=Role(body["role"]),
        name=body.get("name", ""),
        content=body.get("content", ""),
        created=body.get("created", 0),
        tool_calls=tuple(ToolCall(*call) for call in body.get("tool_calls", ())),
        tool_call_id=body.get("tool_call_id", ""),
        metadata=body.get("metadata", ""),
        time_zone=body.get("time_zone", ""),
    )
