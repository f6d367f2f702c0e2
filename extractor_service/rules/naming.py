"""The name that an answer gives: "What's your dog's name?" "Pluk."."""

from __future__ import annotations

import re
from itertools import takewhile

from spacy.tokens import Doc

from extractor_service.rules.kin import PETS, RELATIONS, gender_of
from extractor_service.rules.people import Mention
from extractor_service.rules.questions import GAP, Asked

_NAME_ASKED = re.compile(rf"(?P<owner>.+)'s (?P<relation>\w[\w ]*)'s name is {re.escape(GAP)}")
_LONGEST_NAME = 3


def named_in_answer(doc: Doc, question: Asked | None) -> Mention | None:
    """Who is named where the text opens with a name that `question` asks for."""
    wanted = _NAME_ASKED.fullmatch(question.positive) if question is not None else None
    if wanted is None:
        return None
    relation = wanted["relation"].casefold()
    lemma = relation.split()[-1]
    name = list(takewhile(lambda token: token.is_title and token.is_alpha, doc))
    ended = len(name) == len(doc) or (bool(name) and doc[len(name)].is_punct)
    if lemma not in RELATIONS or not ended or not 0 < len(name) <= _LONGEST_NAME:
        return None
    return Mention(
        " ".join(token.text for token in name),
        gender_of(lemma),
        plural=False,
        start=name[-1].i,
        kind="pet" if lemma in PETS else "person",
        relation=relation,
        owner=wanted["owner"],
    )
