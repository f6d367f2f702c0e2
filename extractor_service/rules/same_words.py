"""Words for one and the same thing: a mom is a mother, whoever loves hiking likes it."""

from __future__ import annotations

from collections.abc import Iterable

_SAME = {
    "mother": "mom mum mama mommy mummy",
    "father": "dad papa daddy",
    "children": "kids",
    "child": "kid",
    "like": "love enjoy adore",
    "dislike": "hate hat loathe despise detest",
    "photo": "picture pic photograph",
    "film": "movie",
    "bicycle": "bike",
    "flat": "apartment",
    "favourite": "favorite",
    "colour": "color",
    "flavour": "flavor",
    "buy": "purchase",
    "begin": "start",
    "scared": "afraid",
    "often": "frequently",
}
_WORD_FOR = {word: kept for kept, words in _SAME.items() for word in words.split()}


def same_word(word: str) -> str:
    """The word that stands for it and all that mean the same."""
    return _WORD_FOR.get(word, word)


def same_words(words: Iterable[str]) -> frozenset[str]:
    """As `same_word`, of each."""
    return frozenset(map(same_word, words))


def same_phrase(text: str) -> str:
    """As `same_word`, of each word that stands alone."""
    return " ".join(map(same_word, text.split()))
