"""The older messages of a session, page by page: as many as one response takes, never all at once.

What is in a log stays there as it is for as long as its session lives, so that pages that are read
one after the other are of one state of it, unless the session has ended meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from memory_service.domain.session import Message, Session
from memory_service.domain.sizes import RESPONSE_BYTES, message_bytes
from memory_service.store import messages
from memory_service.store.keys import OwnerKeys

FIRST_PAGE = 32
"""Messages that are read with the session itself, in one round trip."""

LARGEST_PAGE = 128
"""Messages of a later page at most, 32 MiB of the longest: they may be longer than those before."""


async def with_older(
    redis: Redis, session: Session, newest: tuple[Message, ...], count: int
) -> tuple[Message, ...] | None:
    """Return the `newest` messages that were read, and before them older ones, `count` in all.

    No more than a response takes, and what the last page has beyond that. None if the session was
    deleted or made anew meanwhile.
    """
    found, size = newest, sum(map(message_bytes, newest))
    while found and len(found) < count and found[0].sequence > 1 and size < RESPONSE_BYTES:
        # As many as fit if they are as long as the others.
        likely = (RESPONSE_BYTES - size) * len(found) // size
        wanted = min(count - len(found), LARGEST_PAGE, likely + 1)
        older = await page(redis, session, found[0].sequence, wanted)
        if older is None:
            return None
        if not older:
            break
        found, size = older + found, size + sum(map(message_bytes, older))
    return found


async def page(
    redis: Redis, session: Session, before: int, count: int
) -> tuple[Message, ...] | None:
    """Return the `count` messages before a place in the log; None if the session has ended."""
    keys, name = OwnerKeys(session.ref.owner), session.ref.session_id
    async with redis.pipeline(transaction=True) as pipe:
        pipe.hget(keys.session(name), "generation")
        pipe.xrevrange(keys.log(name), max=f"{before - 1}-0", count=count)
        generation, entries = await pipe.execute()
    if generation is None or int(generation) != session.generation:
        return None
    return oldest_first(entries)


def oldest_first(newest: Sequence[Any]) -> tuple[Message, ...]:
    """Return the messages of a log's entries that were read from its end."""
    return tuple(messages.decode(*entry) for entry in reversed(newest))
