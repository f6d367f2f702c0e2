"""Reads a sentence that opens with no plain name as if it opened with one.

"李雷 works at Fiat", "u-42 works at Fiat" and "Smith, Jr. works at Fiat" say the same of three
people, but to a parser the first two have no subject and the third has two. So a name that always
parses stands for theirs while the sentence is parsed, and theirs is put back as one word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import accumulate

from spacy.language import Language
from spacy.tokens import Doc, Token

from extractor_service.rules.parse import parse
from extractor_service.rules.stand_ins import renamed

_STAND_IN = "Alice"
_PRONOUN = "She"
_NAME_AND_VERB = re.compile(r"([^\W\d_]+) [a-z]+s\b")
_VERBS = frozenset({"VERB", "AUX"})
_OWNED = re.compile(r"['\u2019]s\s")


def opening_name(text: str, people: Iterable[str]) -> str:
    """The longest of these names that the text opens with; "" if it is plain, or there is none.

    "Alice's mother" is no name: it is told by its words, as of whoever calls her mom.
    """
    names = (name for name in people if opens_with(text, name) and not _OWNED.search(name))
    longest = max(names, key=lambda name: (len(name), name), default="")
    return "" if _is_plain(longest) else longest


def opens_with(text: str, name: str) -> bool:
    """Whether the text begins with the name, its first letter a capital there or not."""
    end = len(name)
    whole = not (text[end : end + 1].isalnum() or text[end : end + 1] == "_")
    return whole and text[:end].casefold() == name.casefold()


def plainly(text: str, name: str) -> str:
    """The text with a plain name wherever it has this one, if it has any."""
    return _STAND_IN.join(_around(text, name))


def parse_named(nlp: Language, text: str, name: str) -> Doc:
    """Parse a text `plainly`; the name is one word of what is parsed."""
    doc = _parse_plain(nlp, plainly(text, name))
    ends = accumulate(len(part) + len(_STAND_IN) for part in _around(text, name)[:-1])
    starts = {end - len(_STAND_IN) for end in ends}
    stood = [token.idx for token in doc if token.idx in starts and token.text == _STAND_IN]
    return renamed(doc, dict.fromkeys(stood, name)) if name else doc


def _parse_plain(nlp: Language, text: str) -> Doc:
    """Parse, with a pronoun for a name where the parser found no verb.

    "Alice drinks" of "Alice drinks coffee every morning" is what the coffee is called, to it.
    """
    doc = parse(nlp, text)
    opening = _NAME_AND_VERB.match(text)
    if opening is None or any(map(_tells, doc)):
        return doc
    again = parse(nlp, f"{_PRONOUN}{text[opening.end(1) :]}")
    if not _tells(again[0].head) or again[0].dep_ != "nsubj" or again[0].head.i != 1:
        return doc
    told = renamed(again, {0: opening[1]})
    told[0].pos_, told[0].tag_ = "PROPN", "NNP"
    return told


def _tells(token: Token) -> bool:
    """Whether a sentence is built on it, and it is a verb."""
    return token.dep_ == "ROOT" and token.pos_ in _VERBS


def _around(text: str, name: str) -> list[str]:
    """What stands before, between and behind the places of the name."""
    if not name:
        return [text]
    return re.split(rf"(?<!\w){re.escape(name)}(?!\w)", text, flags=re.IGNORECASE)


def _is_plain(name: str) -> bool:
    """ "Alice", "Dr. House", "the user": read as they stand, as the slots of old were."""
    return all(word.isascii() and word.rstrip(".").isalpha() for word in name.split())
