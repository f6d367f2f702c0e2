"""Whether a clause says anything beside its verb and its subject."""

from __future__ import annotations

from spacy.tokens import Token

from extractor_service.rules.clauses import Clause
from extractor_service.rules.date_rules import WEEKDAYS
from extractor_service.rules.words import word_set

_EMPTY = word_set(
    "lot bit thing way time stuff kind one something anything everything nothing day moment it "
    "that this minute sec while much more most fun sense blast difference best help question idea "
    "get do go be have make say keep know hear see tell talk chat"
)
_CORE = frozenset({"dobj", "attr", "acomp"})
_CONTENT = frozenset({"NOUN", "PROPN", "NUM", "ADJ", "VERB"})


def has_substance(clause: Clause) -> bool:
    """Something beside the verb and its subject: an object, a place, a quality, a name."""
    subject = set(clause.subject.subtree) if clause.subject is not None else set()
    rest = (t for t in clause.own if t != clause.head and t not in subject)
    return any(
        t.pos_ in _CONTENT
        and t.lemma_.lower() not in _EMPTY
        and t.dep_ not in {"intj", "aux"}
        and (t.ent_type_ not in {"DATE", "TIME"} or _is_core(t, clause) or t.lower_ in WEEKDAYS)
        and not (
            t.dep_ in {"amod", "nummod"}
            and t.head.pos_ == "NOUN"
            and t.head.lemma_.lower() in _EMPTY
        )
        for t in rest
    )


def _is_core(token: Token, clause: Clause) -> bool:
    """What the verb says of its subject: "is on 12 June", "is 32 years old"."""
    return token.dep_ in _CORE or (
        clause.head.lemma_ == "be" and token.head in clause.children("prep")
    )
