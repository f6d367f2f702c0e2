"""Reads one memory's sentence, whoever wrote it, for what it says of whom."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, Token

from extractor_service.reading import NO_CLAIM, Claim, Reading
from extractor_service.rules.acts import ENDING, is_date, subject_name, telling
from extractor_service.rules.clauses import Clause, clauses
from extractor_service.rules.named import opening_name, parse_named, plainly
from extractor_service.rules.parse import bounded
from extractor_service.rules.recent import Recent
from extractor_service.rules.same_words import same_words
from extractor_service.rules.slots import claim_of, claim_of_two
from extractor_service.rules.speaker import ASSISTANT
from extractor_service.rules.tense import is_past, is_present_perfect
from extractor_service.rules.words import word_set

_TWO = 2
_KEPT_READINGS = 4096
_DENYING = word_set("not n't never no nobody nothing without neither nor no-one none hardly")
# What is wanted, tried, ended or only thought is not what is done.
_STANCES = word_set(
    "want plan hope wish intend will would could might may should can must shall try stop quit "
    "cease finish think believe guess suppose say tell hear ask almost nearly"
)
_FINITE = frozenset({"VBD", "VBP", "VBZ"})
LONGEST_CLAIM = 100
"""Characters. Of longer memories of conversations one in eight has a slot, and no good one."""

_LONGEST = 1000
"""Characters. Longer texts are documents, not facts: they have no slot and near no duplicate."""


class Reader:
    """Reads sentences, each once as long as it is among the last. Not thread-safe."""

    def __init__(self, nlp: Language) -> None:
        """Parse with this pipeline."""
        self._nlp = nlp
        self._readings: Recent[tuple[str, str], Reading] = Recent(_KEPT_READINGS)

    def read(self, text: str, people: Collection[str] = ()) -> Reading:
        """What a text says that may open with the name of one of these people, as it does.

        The same text, opened by the same name, always gives the same.
        """
        if len(text) > _LONGEST:
            return Reading()
        name = opening_name(text, people)
        found = self._readings.get((text, name))
        if found is None:
            doc = parse_named(self._nlp, bounded(text), name)
            found = self._read(doc, brief=_is_brief(plainly(text, name)))
            self._readings.put((text, name), found)
        return found

    def slot(self, text: str, people: Collection[str] = ()) -> str:
        """As `read(text, people).claim.slot`, at no cost where there can be none."""
        brief = _is_brief(plainly(text, opening_name(text, people)))
        return self.read(text, people).claim.slot if brief else ""

    def _read(self, doc: Doc, *, brief: bool) -> Reading:
        self._repair(doc)
        parts = [part for part in doc.sents if any(token.is_alpha for token in part)]
        split = clauses(parts[0]) if parts else []
        subject = split[0].subject if split else None
        return Reading(
            subject=subject_name(subject) if subject is not None else "",
            words=same_words(telling(t for t in doc if t.is_alpha or _is_number(t))),
            names=frozenset(_names(doc)),
            numbers=frozenset(t.lower_ for t in doc if _is_number(t)),
            stance=frozenset(_stance(doc, split)),
            claim=_claim(split) if brief and len(parts) == 1 else NO_CLAIM,
        )

    def _repair(self, doc: Doc) -> None:
        """Take for verbs what stands for one, such as the "smoking" of "quit smoking"."""
        lemmatizer: Any = self._nlp.get_pipe("lemmatizer")
        for token in doc:
            ended = token.head.lemma_ in ENDING | {"give"}
            if token.dep_ == "dobj" and token.pos_ == "NOUN" and ended and token.text[-3:] == "ing":
                token.pos_ = "VERB"
                token.lemma_ = lemmatizer.rule_lemmatize(token)[0]


def _is_number(token: Token) -> bool:
    """ "12", "twelve", and "25k" and "9:30", which are none for the tokenizer."""
    return token.like_num or token.text[:1].isdigit()


def _is_brief(text: str) -> bool:
    return len(text) <= LONGEST_CLAIM and ";" not in text


def _claim(split: list[Clause]) -> Claim:
    """Of a sentence that states one thing; with two of them, one could not go without the other."""
    if len(split) == _TWO and (found := claim_of_two(*split)) is not None:
        return found
    if len(split) != 1 or _has_two_verbs(split[0]):
        return NO_CLAIM
    claim = claim_of(split[0]) or NO_CLAIM
    # One thing that the assistant has done takes no other's place.
    return NO_CLAIM if claim.slot.startswith(f"{ASSISTANT}|") else claim


def _has_two_verbs(clause: Clause) -> bool:
    if any(t.tag_[:2] == "VB" for t in clause.children("conj")):
        return True
    # "And Tom works at Acme", taken for a clause that says when or why: nothing in it does.
    spliced = (t for t in clause.children("advcl", "parataxis") if t.tag_ in _FINITE)
    return any(all(c.dep_ != "mark" and c.tag_ != "WRB" for c in t.lefts) for t in spliced)


def _stance(doc: Doc, split: list[Clause]) -> Iterator[str]:
    for token in doc:
        if token.lower_ in _DENYING:
            yield "not"
        elif token.lemma_.lower() in _STANCES:
            yield token.lemma_.lower()
        elif token.lower_ == "used" and any(child.tag_ == "VB" for child in token.children):
            yield "used"
    for clause in split:
        if is_past(clause.head) and not is_present_perfect(clause.head):
            yield "past"


def _names(doc: Doc) -> list[str]:
    """Words with a capital that do not open the text, dates left out or not as the model says."""
    return [t.lower_ for t in doc if t.i and t.text[0].isupper() and not _opens(t)]


def _opens(token: Token) -> bool:
    return token.is_sent_start is True and not is_date(token)
