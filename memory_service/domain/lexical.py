"""Words of a text, as keyword search knows them: the same at index and at query.

The engine gets plain tokens between spaces and leaves them as they are, so nothing depends on its
own tokeniser (which it does not apply to query parameters anyway). English is stemmed; scripts
that write without spaces are cut into overlapping pairs of characters. A Han character can be a
word by itself, so memories have each of them too, beside the pairs: a query of a single one finds
them.
"""

from __future__ import annotations

import itertools
import re
import threading
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import Stemmer

MAX_TERM = 120
"""Bytes of a token that count, in UTF-8: the engine stops at 128."""

MAX_TERMS = 65_536
"""Tokens of a text that count."""

MAX_QUERY_TERMS = 256
"""Distinct tokens of a query that count: each is a parameter and a posting list to read."""

LONGEST_KEPT = 64
"""Characters of a word whose stem is kept for the next time: longer ones are hardly words, and
65,536 of 32 KiB each would be 2 GiB."""

STOP_WORDS = frozenset(
    "a an and are as at be been being but by did do does for from had has have he her hers him his"
    " i if im in into is it its ive me my of on or our ours she so such than that the their theirs"
    " them then there these they this those to us was we were what when where which who whom whose"
    " will with you your yours".split()
)
"""English words that say nothing of what a text is about. Negations are kept."""


def _char_class(*categories: str, start: int, end: int) -> str:
    """Return the ranges of a regex's character class for all characters of these categories."""
    codes = (code for code in range(start, end) if unicodedata.category(chr(code)) in categories)
    runs = itertools.groupby(enumerate(codes), key=lambda item: item[1] - item[0])
    ranges = [[code for _, code in run] for _, run in runs]
    return "".join(f"{chr(run[0])}-{chr(run[-1])}" for run in ranges)


_VARIATION_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_APOSTROPHES = str.maketrans(dict.fromkeys("’‘ʼ＇", "'"))
_MARKS = _char_class("Mn", "Mc", start=0x300, end=0x1F000)
_EMOJI = _char_class("So", start=0x2190, end=0x1FB00)
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Myanmar, Khmer
    "\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # radicals, kana
    f"{_HAN}"
    "\u1100-\u11ff\uac00-\ud7af"  # Hangul
)
_WORD = rf"[^\W_](?:'?[^\W_]|[{_MARKS}])*"
_TOKEN = re.compile(rf"{_WORD}|[{_EMOJI}]")
_SCRIPT_RUN = re.compile(rf"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_UNSPACED_RUN = re.compile(rf"[{_UNSPACED}]")
_HAN_CHARACTER = re.compile(rf"[{_HAN}]")
_ENGLISH = re.compile(r"[a-z']+")


class _Stemmers(threading.local):
    """One for each thread: a stemmer is no good for two. What they find is kept by `stem_of`."""

    def __init__(self) -> None:
        self.english = Stemmer.Stemmer("english", 0)  # Its own cache is of words of any length.


_stemmers = _Stemmers()


def terms(text: str) -> list[str]:
    """Return the tokens of `text` in their order, repetitions included.

    >>> terms("Alice's dogs don't jog!")
    ['alic', 'dog', 'dont', 'jog']
    """
    return list(itertools.islice(_tokens(text, _pairs), MAX_TERMS))


def indexed_terms(text: str) -> list[str]:
    """Return the tokens by which `text` is found: `terms`, and each Han character by itself.

    >>> indexed_terms("北京人")
    ['北', '京', '人', '北京', '京人']
    """
    return list(itertools.islice(_tokens(text, _pairs_and_characters), MAX_TERMS))


def number_of_terms(text: str, indexed: Sequence[str]) -> int:
    """Return how many `terms` a text has whose `indexed_terms` are known.

    As many, but where there are Han characters, without cutting the text a second time.
    """
    return len(terms(text)) if _HAN_CHARACTER.search(" ".join(indexed)) else len(indexed)


def query_terms(text: str) -> list[str]:
    """Return the distinct tokens of a query, at most MAX_QUERY_TERMS."""
    return list(itertools.islice(dict.fromkeys(terms(text)), MAX_QUERY_TERMS))


def _tokens(text: str, cut: Callable[[str], Iterator[str]]) -> Iterator[str]:
    for match in _TOKEN.finditer(_normal(text)):
        for run in _SCRIPT_RUN.findall(match[0]):
            if _UNSPACED_RUN.match(run):
                yield from cut(run)
            elif term := _stem(run):
                yield term.encode()[:MAX_TERM].decode(errors="ignore")


def _normal(text: str) -> str:
    """Fold compatibility forms, case and the kinds of apostrophe."""
    folded = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES).casefold()
    return _VARIATION_SELECTORS.sub("", unicodedata.normalize("NFKC", folded))


def _pairs(run: str) -> Iterator[str]:
    if len(run) == 1:
        yield run
    for first, second in itertools.pairwise(run):
        yield first + second


def _pairs_and_characters(run: str) -> Iterator[str]:
    if len(run) > 1:
        yield from _HAN_CHARACTER.findall(run)
    yield from _pairs(run)


def _stem(word: str) -> str:
    return stem_of(word) if len(word) <= LONGEST_KEPT else stem_of.__wrapped__(word)


@lru_cache(maxsize=65_536)
def stem_of(word: str) -> str:
    """Return the stem of a word, or nothing for a stop word."""
    if word.replace("'", "") in STOP_WORDS:
        return ""
    stem: str = _stemmers.english.stemWord(word) if _ENGLISH.fullmatch(word) else word
    return stem.replace("'", "")
