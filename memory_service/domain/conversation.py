"""The turns of a conversation as memories, each found by more than its own words. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from memory_service.domain.beginnings import beginning
from memory_service.domain.lexical import indexed_terms
from memory_service.domain.memory import (
    EventTime,
    Memory,
    MemoryType,
    NewMemory,
    Precision,
    Source,
    Turn,
    stable_id,
)
from memory_service.domain.owner import SessionRef
from memory_service.domain.session import Message, Role

SPOKEN = (Role.USER, Role.ASSISTANT)
"""Who takes part in a conversation; instructions and results of tools are no turns of it."""

LONGEST = 8 * 1024
"""Bytes of a turn that its memory holds."""

BEFORE = 1024
"""Bytes of the turn before it by which a turn is found too: the last, where a question is."""

OWN_SHARE = 2
"""How often a word of the turn's own counts as much as one of the turn before it.

nDCG@10 of BM25 over the turns of LoCoMo's development conversations: 47.1 without the turn before,
48.3 with both alike, 50.2 so.
"""


def turns(
    ref: SessionRef, context: Sequence[Message], messages: Sequence[Message]
) -> list[NewMemory]:
    """Return the turns among `messages` as memories; `context` are the messages right before them.

    A turn has the same id whenever it is extracted, also in a later generation of its session.
    """
    before = {message.sequence: message for message in (*context, *messages)}
    return [
        _turn(ref, message, before.get(message.sequence - 1))
        for message in messages
        if message.role in SPOKEN and message.content.strip()
    ]


def search_terms(memory: Memory, own: Sequence[str] | None = None) -> Iterator[str]:
    """Yield the words by which a memory is found, as often as they count.

    `own` are the `indexed_terms` of its text, if they are known.
    """
    own = indexed_terms(memory.text) if own is None else own
    yield from own
    if memory.turn:
        for _ in range(OWN_SHARE - 1):
            yield from own
        yield from indexed_terms(memory.turn.preceding)
        yield from indexed_terms(memory.turn.speaker)


def _turn(ref: SessionRef, message: Message, before: Message | None) -> NewMemory:
    content = message.content
    said = before.content if before and before.role in SPOKEN else ""
    return NewMemory(
        id=_id(ref, message),
        text=beginning(content, LONGEST),
        type=MemoryType.MESSAGE,
        event_time=EventTime(message.created, Precision.MINUTE, message.time_zone),
        sources=(Source(ref.session_id, message.id),),
        mentioned=message.created,
        turn=Turn(message.sequence, message.role, message.name, _last_bytes(said, BEFORE)),
    )


def _id(ref: SessionRef, message: Message) -> str:
    content = hashlib.blake2b(message.content.encode(), digest_size=16).hexdigest()
    return stable_id(("turn", ref.session_id, message.id, content))


def _last_bytes(text: str, count: int) -> str:
    return text.encode()[-count:].decode(errors="ignore")
