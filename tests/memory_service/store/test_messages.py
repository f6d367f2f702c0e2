from __future__ import annotations

from dataclasses import asdict

from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.session import NewMessage, Role, ToolCall
from memory_service.store import messages

new_messages = st.builds(
    NewMessage,
    id=st.text(min_size=1),
    role=st.sampled_from(Role),
    name=st.text(),
    content=st.text(),
    created=st.integers(0, 2**60),
    tool_calls=st.lists(st.builds(ToolCall, st.text(), st.text(), st.text())).map(tuple),
    tool_call_id=st.text(),
    metadata=st.just("") | st.just('{"a": 1}'),
    time_zone=st.sampled_from(["", "Europe/Berlin", "+05:30"]),
)


@given(new_messages, st.integers(1, 2**53))
def test_any_message_comes_back_from_the_log(message: NewMessage, sequence: int):
    entry = {b"message": messages.encode(message).encode()}
    found = messages.decode(f"{sequence}-0".encode(), entry)
    assert asdict(found) == {**asdict(message), "sequence": sequence}


def test_a_message_without_an_id_is_known_by_its_sequence():
    entry = {b"message": messages.encode(NewMessage("", Role.USER, "", "hi", 5)).encode()}
    assert messages.decode(b"12-0", entry).id == "12"
