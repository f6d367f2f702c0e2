from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from memory_service.domain.filters import AnyOf, Filter, TagField
from memory_service.domain.search import Selection
from memory_service.store.search import MemorySearch
from memory_service.store.tags import MAX_TAG, SEPARATOR, encode_tag, join_tags
from tests.support.memories import ALICE, make, put

TEXT = st.text(st.characters(exclude_categories=["Cs"]))

AWKWARD = [
    *("", " ", "a", "A", " a", "a ", "a b", "a,b", "a|b", "\0", "a\0", "%", "%%", "%00", "%2C"),
    *(
        "北京",
        "é",
        "e\u0301",
        "x" * 300,
        "x" * 301,
        "ü" * 200,
        "*",
        "a*",
        "{a}",
        "$a",
        "\\",
        '"',
        "-a",
    ),
    *("the", "ﬁ", "fi", "İ", "i̇", "ß", "ss", "\n", "🙂", "🙂🙂"),
]


@given(TEXT, TEXT)
def test_two_values_are_encoded_the_same_only_if_they_are(one: str, other: str) -> None:
    assert (encode_tag(one) == encode_tag(other)) == (one == other)


@given(TEXT)
def test_an_encoded_value_is_short_plain_and_never_empty(value: str) -> None:
    encoded = encode_tag(value)
    assert 0 < len(encoded) <= MAX_TAG
    assert encoded.isascii()
    assert not set(encoded) & set(f"{SEPARATOR}|{{}}()$*\"'\\ ")


def test_plain_words_stay_readable() -> None:
    assert encode_tag("semantic") == "semantic"


def test_the_empty_string_is_a_value_and_no_values_are_none() -> None:
    assert join_tags([]) == ""
    assert join_tags([""]) != ""


@given(st.lists(TEXT))
def test_joined_values_come_apart_again(values: list[str]) -> None:
    joined = join_tags(values)
    parts = joined.split(SEPARATOR) if joined else []
    assert parts == [encode_tag(value) for value in dict.fromkeys(values)]


@pytest.mark.parametrize("alone", [True, False])
async def test_the_engine_finds_each_value_and_takes_none_for_another(
    redis: Redis, alone: bool
) -> None:
    company = [] if alone else ["first", "last"]
    memories = [
        make(str(i), topics=[*company[:1], value, *company[1:]], created=i + 1)
        for i, value in enumerate(AWKWARD)
    ]
    await put(redis, *memories)
    search = MemorySearch(redis)
    for i, value in enumerate(AWKWARD):
        wanted = Filter(must=(AnyOf(TagField.TOPIC, (value,)),))
        assert await search.ids(Selection((ALICE,), filter=wanted), 100) == [str(i)], value
