"""Jokes marked as such: what is said with them is not meant."""

from __future__ import annotations

from spacy.tokens import Doc, Span

from extractor_service.rules.words import word_set

_MARKS = word_set("kidding joking jk j/k /s")
_LONGEST_MARK = 4


def jokes(doc: Doc) -> frozenset[int]:
    """Where the sentences start that are not meant: those marked, and those before a bare mark."""
    if not any(token.lower_ in _MARKS for token in doc):
        return frozenset()
    parts = list(doc.sents)
    marked = [i for i, part in enumerate(parts) if _is_marked(part)]
    before = {i - 1 for i in marked if i and _is_bare(parts[i])}
    return frozenset(parts[i].start for i in (*marked, *before))


def _is_marked(part: Span) -> bool:
    words = {token.lower_ for token in part}
    return bool(words & _MARKS) and not words & {"not", "n't", "no"}


def _is_bare(part: Span) -> bool:
    return sum(1 for token in part if not (token.is_punct or token.is_space)) <= _LONGEST_MARK
