"""From edited tokens to a sentence: spacing, loose ends, capital and full stop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from spacy.tokens import Token

_DASHES = "-\u2013\u2014"


@dataclass(slots=True)
class Edits:
    """What becomes of tokens, by index: other words, nothing; and what is said at the end."""

    words: dict[int, str] = field(default_factory=dict)
    dropped: set[int] = field(default_factory=set)
    ending: str = ""


def render(tokens: Sequence[Token], edits: Edits) -> str:
    """The words, without capital and full stop; "" when nothing is left."""
    kept = _without_loose_ends([t for t in tokens if t.i not in edits.dropped and not t.is_space])
    text = "".join(_pieces(kept, edits.words)).strip(f" {_DASHES}")
    if not text:
        return ""
    if kept[0].i not in edits.words and _is_capital_by_place(kept[0]):
        text = f"{text[:1].lower()}{text[1:]}"
    return f"{text} {edits.ending}" if edits.ending else text


def finished(parts: Sequence[str]) -> str:
    """One sentence of these parts: capital, semicolons, full stop."""
    text = "; ".join(part for part in parts if part)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _is_capital_by_place(token: Token) -> bool:
    """Whether the word is spelled with a capital for no more than opening a sentence."""
    return token.is_title and token.pos_ not in {"PROPN", "NOUN", "NUM"} and not token.ent_type_


def _without_loose_ends(tokens: Sequence[Token]) -> list[Token]:
    """Drop what joined this clause to its neighbours, and a comma beside one that was dropped."""
    end = len(tokens)
    while end and _joins(tokens[end - 1]):
        end -= 1
    kept = tokens[:end]
    return [
        token
        for i, token in enumerate(kept)
        if not (token.text == "," and (i == 0 or kept[i - 1].text == ","))
    ]


def _joins(token: Token) -> bool:
    if token.text in {")", "%"} or token.is_quote:
        return False
    return token.is_punct or token.dep_ == "cc" or token.pos_ == "SYM"


def _pieces(tokens: Sequence[Token], words: Mapping[int, str]) -> Iterator[str]:
    previous: Token | None = None
    for token in tokens:
        if previous is not None and _spaced(previous, token, words):
            yield " "
        yield words.get(token.i, token.text)
        previous = token


def _spaced(left: Token, right: Token, words: Mapping[int, str]) -> bool:
    if right.i == left.i + 1:
        word = words.get(right.i, "")
        contraction_grew = word[:1].isalpha() and word != "n't" and not left.is_punct
        return bool(left.whitespace_) or contraction_grew
    closing = right.is_punct and not right.is_left_punct and right.text not in _DASHES
    return not closing
