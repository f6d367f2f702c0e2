"""Sessions that arrive in another order, cut otherwise, leave the same memories current.

But for "my sister", where only another session says who that is: whoever is known by then is meant.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentmemory.v1 import memory_pb2

from tests.support.client import Caller, Stub
from tests.support.conversations import conversation, cut

TALK = [message for message in conversation(60) if "sister" not in message.content]
SESSIONS = [(f"s{n}", part) for n, part in enumerate(cut(TALK, 13))]
Said = set[tuple[str, str, int, int]]


async def test_what_is_extracted_and_what_is_current_does_not_depend_on_the_order_of_sessions(
    stub: Stub,
) -> None:
    forwards, backwards = (Caller(stub, user=f"told {way}") for way in ("forwards", "backwards"))
    for session, messages in SESSIONS:
        await tell(forwards, session, messages, 64)
    for session, messages in reversed(SESSIONS):
        await tell(backwards, session, messages, 3)
    assert len(await forwards.texts()) > 20
    assert await forwards.texts() == await backwards.texts()
    assert await passages(forwards) == await passages(backwards)


async def tell(
    caller: Caller, session: str, messages: Sequence[memory_pb2.Message], size: int
) -> None:
    for batch in cut(messages, size):
        await caller.append(session, batch)
        await caller.flush(session)


async def passages(caller: Caller) -> Said:
    """Whatever a current memory was extracted from."""
    return {
        (memory.text, source.message_id, source.start, source.end)
        for memory in await caller.memories()
        for source in memory.sources
    }
