from __future__ import annotations

import tracemalloc
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.lexical import (
    LONGEST_KEPT,
    MAX_QUERY_TERMS,
    MAX_TERM,
    MAX_TERMS,
    STOP_WORDS,
    indexed_terms,
    query_terms,
    stem_of,
    terms,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Alice works at StartupCorp.", ["alic", "work", "startupcorp"]),
        ("running runs runner", ["run", "run", "runner"]),
        ("New-York, new_york", ["new", "york", "new", "york"]),
        ("don't DON’T dont", ["dont", "dont", "dont"]),
        ("Alice's cat; the dogs' bowl", ["alic", "cat", "dog", "bowl"]),
        ("I'm vegetarian", ["vegetarian"]),
        ("O'Brien 'quoted'", ["obrien", "quot"]),
        ("It is not the same as never", ["not", "same", "never"]),
        ("pi is 3.14 on 2024-05-07", ["pi", "3", "14", "2024", "05", "07"]),
        ("北京大学", ["北京", "京大", "大学"]),
        ("猫", ["猫"]),
        ("ラーメンを食べる", ["ラー", "ーメ", "メン", "ンを", "を食", "食べ", "べる"]),
        ("Python3は楽しい", ["python3", "は楽", "楽し", "しい"]),
        ("Straße ＡＢＣ ﬁn", ["strass", "abc", "fin"]),
        ("I ❤️ 🍕🍕!", ["❤", "🍕", "🍕"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("naïve café", ["naïve", "café"]),
        ("", []),
        (" \t\n…—*|{}()$@:\"'\\", []),
        ("who is she", []),
    ],
)
def test_terms_of_a_text(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我养猫", ["我", "养", "猫", "我养", "养猫"]),
        ("猫", ["猫"]),
        ("猫 dogs", ["猫", "dog"]),
        ("ラーメン屋", ["屋", "ラー", "ーメ", "メン", "ン屋"]),
        ("ประเทศไทย", terms("ประเทศไทย")),
        ("cats and dogs", ["cat", "dog"]),
    ],
)
def test_a_memory_is_found_by_each_han_character_too(text: str, expected: list[str]) -> None:
    assert indexed_terms(text) == expected


@given(TEXT)
def test_a_memory_is_found_by_all_terms_of_its_text(text: str) -> None:
    assert set(query_terms(text)) <= set(indexed_terms(text))


@given(TEXT)
def test_composition_and_case_make_no_difference(text: str) -> None:
    assert terms(unicodedata.normalize("NFD", text)) == terms(unicodedata.normalize("NFC", text))
    assert terms(text.casefold()) == terms(text)


@given(TEXT)
def test_a_term_is_a_plain_piece_of_bounded_length(text: str) -> None:
    for term in terms(text):
        assert 0 < len(term.encode()) <= MAX_TERM
        assert not any(c.isspace() or unicodedata.category(c)[0] in "PZC" for c in term)


@given(TEXT, TEXT)
def test_texts_do_not_change_each_others_terms(one: str, other: str) -> None:
    assert terms(f"{one} . {other}") == terms(one) + terms(other)


def test_stop_words_are_words_without_apostrophes_in_lower_case() -> None:
    assert all(word.isalpha() and word.islower() for word in STOP_WORDS)
    assert not STOP_WORDS & {"not", "no", "never", "nor"}


def test_a_long_word_counts_by_its_beginning() -> None:
    assert terms("x" * 1000) == terms("x" * 999) == ["x" * MAX_TERM]
    assert terms("я" * 1000) == ["я" * (MAX_TERM // 2)]


def test_a_long_word_has_the_stem_of_its_kind_and_is_not_kept() -> None:
    word = ("walk" * LONGEST_KEPT)[:LONGEST_KEPT]
    assert terms(word) == [word]
    kept = stem_of.cache_info().currsize
    assert terms(f"{word}ed {word}ing") == [word, word]
    assert stem_of.cache_info().currsize == kept


def test_nothing_of_a_huge_word_is_kept() -> None:
    words = ("walking" * length for length in range(4_000, 4_020))
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for word in words:
            assert len(terms(word)) == 1
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 100_000


def test_the_terms_of_a_huge_text_are_bounded() -> None:
    assert len(terms("word " * (MAX_TERMS + 1))) == MAX_TERMS


def test_a_query_has_each_term_once_and_not_too_many() -> None:
    assert query_terms("dogs and a dog, dogs!") == ["dog"]
    many = query_terms(" ".join(f"w{i}" for i in range(1000)))
    assert many == [f"w{i}" for i in range(MAX_QUERY_TERMS)]
