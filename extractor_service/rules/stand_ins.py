"""Plain names that stand for others while a text is parsed, and the others put back.

To the parser the Will of "Will is my brother" and the May of "May lives in Kyoto" are verbs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from spacy.attrs import DEP, ENT_IOB, ENT_TYPE, HEAD, LEMMA, MORPH, POS, TAG
from spacy.tokens import Doc

from extractor_service.rules.kin import RELATIONS

_PARSED = [TAG, POS, MORPH, LEMMA, DEP, HEAD, ENT_IOB, ENT_TYPE]
_STAND_INS = {"Will": "John", "May": "Mia"}  # as long as what they stand for
_BEING = "is|was|has|had|isn't|wasn't|hasn't"
_DOING = (
    "lives|lived|works|worked|moves|moved|likes|liked|loves|loved|hates|hated|wants|wanted|plays"
    "|played|says|said|told|called|calls|knows|knew|bought|got|went|came|gave|made|took|turned"
    "|started|stopped|doesn't|didn't|prefers|teaches|taught|studies|studied|visited|speaks"
)
_NAMES = re.compile(
    rf"\b(?P<will>Will)(?= (?:{_BEING}|{_DOING})\b)"
    rf"|\b(?P<may>May)(?= (?:{_DOING})\b)"  # "May is a busy month"
    rf"|\b(?:{'|'.join(sorted(RELATIONS))}) (?P<called>Will|May)"
    rf"(?= (?:{_BEING}|{_DOING}|and)\b|[.,;:!?')]|\s*$)"
)


def names_like_verbs(text: str) -> dict[int, str]:
    """Names that a parser takes for verbs, by the character that they start at."""
    found = ((match, match.lastgroup or 0) for match in _NAMES.finditer(text))
    return {match.start(group): match[group] for match, group in found}


def stood_in(text: str, names: Mapping[int, str]) -> str:
    """The text with plain names for these, same offsets."""
    for start, name in names.items():
        text = f"{text[:start]}{_STAND_INS[name]}{text[start + len(name) :]}"
    return text


def renamed(doc: Doc, names: Mapping[int, str]) -> Doc:
    """The parsed text with these names for the words that start at these characters."""
    words = [names.get(token.idx, token.text) for token in doc]
    spaces = [bool(token.whitespace_) for token in doc]
    parsed: Any = doc.to_array(_PARSED)
    named = Doc(doc.vocab, words, spaces).from_array(_PARSED, parsed)
    for token, stood in zip(named, doc, strict=True):
        if token.text == stood.text:
            token.norm_ = stood.norm_
        elif token.pos_ not in {"AUX", "VERB"}:
            token.lemma_ = token.text
    return named
