"""What of a prompt fits into one response, in which it stands once for each form. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from memory_service.domain.searching import Hit
from memory_service.domain.session import Message
from memory_service.domain.sizes import (
    PER_ITEM,
    RESPONSE_BYTES,
    how_many_fit,
    memory_bytes,
    message_bytes,
)
from memory_service.prompts.wording import memory_line


def memories_that_fit(hits: Sequence[Hit], forms: int) -> tuple[Hit, ...]:
    """Return the best memories that half of a response has room for."""
    sizes = [_hit_bytes(hit, forms) for hit in hits]
    return tuple(hits[: how_many_fit(sizes, RESPONSE_BYTES // 2)])


def messages_that_fit(
    messages: Sequence[Message], beside: Sequence[Hit], forms: int
) -> tuple[Message, ...]:
    """Return the newest messages that a response has room for beside these memories."""
    room = RESPONSE_BYTES - sum(_hit_bytes(hit, forms) for hit in beside)
    fitting = how_many_fit((_message_bytes(each, forms) for each in reversed(messages)), room)
    return tuple(messages[len(messages) - fitting :])


def _hit_bytes(hit: Hit, forms: int) -> int:
    line = memory_line(hit.memory)
    # As a hit, as a line of the system message, and there again in each form.
    return memory_bytes(hit.memory) + len(line.encode()) + forms * _json_bytes(line) + PER_ITEM


def _message_bytes(message: Message, forms: int) -> int:
    calls = "".join(call.name + call.arguments for call in message.tool_calls)
    ready = _json_bytes(message.content + message.name + calls)
    around = PER_ITEM * (1 + len(message.tool_calls))
    return message_bytes(message) + forms * (ready + around)


def _json_bytes(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode())
