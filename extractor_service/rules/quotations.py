"""Other people's words between quotation marks."""

from __future__ import annotations

from collections.abc import Sequence

from spacy.tokens import Token

from extractor_service.rules.clauses import SUBJECTS

_MARKS = frozenset({'"', "“", "”", "„", "«", "»"})


def quotes_a_statement(tokens: Sequence[Token]) -> bool:
    """Whether a statement stands between quotation marks; a title or a name does not count."""
    inside = False
    for token in tokens:
        if token.text in _MARKS:
            inside = not inside
        elif inside and token.dep_ in SUBJECTS and token.head.pos_ in {"VERB", "AUX"}:
            return True
    return False
