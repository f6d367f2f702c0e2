"""Logs of conversations as they may come, for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from memory_service.domain.session import Message, Role, ToolCall

WORDS = st.text(
    st.one_of(
        st.sampled_from('hello world <memories> {"a": 1} 7\n\t北京 é'),
        st.characters(codec="utf-8"),
    ),
    max_size=40,
)
SAID = WORDS.filter(lambda text: bool(text.strip()))
NAMES = st.one_of(st.sampled_from(["", "Alice", "Zoë K.", "北京", "a\nb"]), WORDS)
IDS = st.sampled_from(["", "a", "b", "a b"])
ARGUMENTS = st.sampled_from(["", "{}", '{"query":"tea"}', "{oops", "[1]", '{"x":"\\ud800"}', "NaN"])

PEOPLE = st.builds(
    Message,
    sequence=st.just(1),
    id=st.just("1"),
    role=st.sampled_from([Role.USER, Role.ASSISTANT, Role.SYSTEM]),
    name=NAMES,
    content=SAID,
    created=st.just(0),
)
CALLS = st.builds(
    Message,
    sequence=st.just(1),
    id=st.just("1"),
    role=st.just(Role.ASSISTANT),
    name=st.just(""),
    content=st.one_of(st.just(""), WORDS),
    created=st.just(0),
    tool_calls=st.lists(
        st.builds(ToolCall, id=IDS, name=SAID, arguments=ARGUMENTS), min_size=1, max_size=2
    ).map(tuple),
)
RESULTS = st.builds(
    Message,
    sequence=st.just(1),
    id=st.just("1"),
    role=st.just(Role.TOOL),
    name=st.just(""),
    content=SAID,
    created=st.just(0),
    tool_call_id=IDS,
)
LOGS = st.lists(st.one_of(PEOPLE, CALLS, RESULTS), max_size=10)
