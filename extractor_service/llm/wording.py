"""Whether a sentence of the model may be kept: its form, and whether its words were said at all.

Pure functions. They know nothing of grammar: they catch what is plainly wrong, and let the rest be.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_WORD = re.compile(r"[^\W\d_]+")
_QUOTED = re.compile(r"\"[^\"]*\"|\u201c[^\u201d]*\u201d")
# Titles keep their capitals: "My Fair Lady" within a sentence is a name, and so is "World War I".
_NOT_THIRD_PERSON = re.compile(
    r"(?<!War )\bI\b(?=['\u2019]|\s+[a-z])"
    r"|\b(?:me|my|myself|we|us|our|ourselves|you|your|yourself)\b"
    r"|(?:^|[.!?]\s+)(?:My|We|Our|You|Your)\b"
)
# Words with a capital that nobody need have said: they begin sentences, or name what a date is.
_FREE = frozenset(
    """
    a about according after all although an and another as at because before being both but by
    despite during each early earlier either even ever every everyone few following for from
    he her his how if in instead it its last late later like many more most neither next no nobody
    none not nothing now of on once one only or other over recently several she since so some
    someone something sometimes soon speaker that the their then there these they this those though
    through today together tomorrow two three under unlike until user users what when where whether
    which while who with within without yesterday
    assistant
    monday tuesday wednesday thursday friday saturday sunday
    january february march april may june july august september october november december
    christmas new year
    """.split()
)
_ROOT = 4


def tidy(text: str) -> str:
    """On one line, and ended as a sentence."""
    line = " ".join(text.split())
    return line if not line or line[-1] in '.!?\u3002\u2026"\u201d' else f"{line}."


def is_statement(text: str) -> bool:
    """Whether it may be a sentence that states something: no question, no single word."""
    if any(unicodedata.category(character)[0] == "C" for character in text):
        return False
    words = [word for word in _WORD.findall(text) if len(word) > 1]
    # A language without spaces has its sentence in one "word".
    return not text.endswith(("?", "\uff1f")) and (len(words) > 1 or not text.isascii())


def is_third_person(text: str) -> bool:
    """Whether it speaks of nobody as I, we or you, but in quotation marks."""
    return _NOT_THIRD_PERSON.search(_QUOTED.sub("", text)) is None


class Vocabulary:
    """The words of a conversation, by their beginnings: "lives" was said if "living" was."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Of these texts."""
        words = {word.casefold() for text in texts for word in _WORD.findall(text)}
        self._roots = {word[:_ROOT] for word in words}
        self._short = {word for word in words if len(word) < _ROOT} - _FREE

    def names_only_known(self, text: str) -> bool:
        """Whether each word with a capital was said: a name that was not is made up.

        Languages that write other words so as well lose memories to this.
        """
        names = [word.casefold() for word in _WORD.findall(text) if word[0].isupper()]
        return all(name in _FREE or name[:_ROOT] in self._roots for name in names)

    def covers(self, text: str) -> bool:
        """Whether a third of the words that count, or more, was said.

        A paraphrase and a translation have the names in common with what was said.
        """
        words = [word.casefold() for word in _WORD.findall(text) if _counts(word)]
        return 3 * sum(map(self._knows, words)) >= len(words)

    def _knows(self, word: str) -> bool:
        return word[:_ROOT] in self._roots or word[: _ROOT - 1] in self._short


def _counts(word: str) -> bool:
    return (word[0].isupper() or len(word) >= _ROOT) and word.casefold() not in _FREE
