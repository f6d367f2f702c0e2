from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.session import Message, Role
from memory_service.domain.sizes import (
    PER_ITEM,
    RESPONSE_BYTES,
    first_that_fit,
    message_bytes,
    newest_that_fit,
    waiting_that_fit,
)
from memory_service.translate import messages
from tests.support.memories import make


def message(content: str, sequence: int = 1) -> Message:
    return Message(sequence, str(sequence), Role.USER, "Alice", content, 1)


def test_what_fits_is_returned_whole():
    short = [message("hi", n) for n in range(1, 1001)]
    assert newest_that_fit(short) == tuple(short)
    assert newest_that_fit([]) == ()
    assert first_that_fit([]) == ()


def test_of_what_does_not_fit_the_newest_stay_in_order():
    large = [message("x" * 256 * 1024, n) for n in range(1, 21)]
    kept = newest_that_fit(large)
    assert kept == tuple(large[-len(kept) :])
    assert 2 < len(kept) < 13
    assert sum(map(message_bytes, kept)) <= RESPONSE_BYTES


def test_one_that_is_too_large_is_returned_all_the_same():
    assert len(newest_that_fit([message("x" * (RESPONSE_BYTES + PER_ITEM))])) == 1


def test_memories_fill_what_messages_leave():
    memories = [make(f"m{n}", "x" * 8000) for n in range(1, 1001)]
    alone = waiting_that_fit(memories, [])
    assert alone == tuple(memories[: len(alone)])
    assert 300 < len(alone) < 400
    beside = waiting_that_fit(memories, [message("x" * (RESPONSE_BYTES // 2))])
    assert len(alone) / 2 - 2 < len(beside) < len(alone) / 2 + 2
    assert waiting_that_fit(memories, [message("x" * RESPONSE_BYTES)]) == ()


@given(st.text(max_size=200), st.text(max_size=50))
def test_the_estimate_is_no_less_than_the_wire(content: str, name: str):
    said = Message(2**40, "id", Role.USER, name, content, 2**50)
    assert message_bytes(said) >= messages.to_proto(said).ByteSize()
