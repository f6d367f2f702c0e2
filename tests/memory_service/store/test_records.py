from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain import lexical
from memory_service.domain.changes import Decision, Outcome
from memory_service.domain.memory import Entity, EventTime, Memory, MemoryType, Precision, Source
from memory_service.domain.signals import signals_of
from memory_service.store import answers, records
from memory_service.store.answers import Created, Deleted
from memory_service.store.spaces import EMBEDDED, VECTOR
from tests.support.memories import ALICE, make, vector

texts = st.text(max_size=20)
micros = st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)
memories = st.builds(
    Memory,
    owner=st.just(ALICE),
    id=texts,
    text=texts,
    type=st.sampled_from(MemoryType),
    topics=st.lists(texts, max_size=3).map(tuple),
    entities=st.lists(st.builds(Entity, texts, texts), max_size=3).map(tuple),
    event_time=st.none()
    | st.builds(EventTime, micros, st.sampled_from(Precision), st.sampled_from(["", "+01:00"])),
    sources=st.lists(
        st.builds(Source, texts, texts, st.integers(0, 9), st.integers(0, 9)), max_size=3
    ).map(tuple),
    confidence=st.floats(0, 1, width=32),
    extractor=texts,
    embedded=st.booleans(),
    created=micros,
    updated=micros,
    revision=st.integers(1, 2**53),
    metadata=st.sampled_from(["", "{}", '{"a": "\u00fc"}']),
    pinned=st.booleans(),
)


def as_redis_gives_it(fields: dict[str, str | bytes]) -> dict[bytes, bytes]:
    return {
        name.encode(): value if isinstance(value, bytes) else value.encode()
        for name, value in fields.items()
    }


@given(memories)
def test_any_memory_comes_back_from_its_hash(memory: Memory):
    fields = records.encode(memory, vector(1) if memory.embedded else None)
    assert records.decode(ALICE, as_redis_gives_it(fields)) == memory


@given(memories)
def test_any_memory_comes_back_from_an_answer(memory: Memory):
    created = Created((Decision(Outcome.CREATED, memory), Decision(Outcome.ID_REUSED, None)), 7)
    assert answers.unpack_created(ALICE, answers.pack_created(created)) == created


@given(st.lists(texts).map(tuple))
def test_a_deletion_comes_back_from_an_answer(missing: tuple[str, ...]):
    deleted = Deleted(3, missing, 9)
    assert answers.unpack_deleted(answers.pack_deleted(deleted)) == deleted


def test_the_vector_comes_and_goes_without_the_body_changing():
    memory = make("m", "Alice likes tea.")
    without = records.encode(memory, None)
    embedded = records.encode(replace(memory, embedded=True), vector(1))
    assert without[records.BODY] == embedded[records.BODY]
    assert set(embedded) - set(without) == {VECTOR, EMBEDDED}


def test_a_text_is_cut_into_words_once(monkeypatch: pytest.MonkeyPatch):
    cut: list[str] = []
    real = lexical._tokens

    def tokens(text: str, pairs: Callable[[str], Iterator[str]]) -> Iterator[str]:
        cut.append(text)
        return real(text, pairs)

    monkeypatch.setattr(lexical, "_tokens", tokens)
    records.encode(make("m", "Alice likes tea."), None)
    assert cut == ["Alice likes tea."]


@given(st.text(max_size=40) | st.text("北京㈱a 人's", max_size=10))
def test_a_memory_is_as_long_to_ranking_however_it_is_counted(text: str):
    memory = make("m", text)
    found = records.found(ALICE, as_redis_gives_it(records.encode(memory, None)), 1.0)
    assert found.signals == signals_of(memory)


def test_no_field_is_empty_since_the_index_refuses_some_empty_ones():
    fields = records.encode(make("m", "..."), None)
    assert all(fields.values())
    assert "event_time" not in fields
    assert records.encode(make("m", event=0), None)["event_time"] == "0"
