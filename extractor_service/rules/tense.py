"""What tense a verb is in, its auxiliaries told."""

from __future__ import annotations

from spacy.tokens import Token

from extractor_service.rules.words import word_set

_HAVE = frozenset({"have", "'ve", "has", "'s", "ve"})
_DECIDING = word_set("decide plan arrange agree promise schedule book")
_DEPENDENT = word_set("xcomp pcomp advcl acl conj")


def governing_verb(token: Token) -> Token | None:
    """The nearest verb above a token."""
    return next((t for t in token.ancestors if t.pos_ in {"VERB", "AUX"}), None)


def is_past(verb: Token | None) -> bool:
    """Whether a verb is in a past tense or the present perfect, or hangs on one that is."""
    if verb is None:
        return False
    auxiliaries = [child for child in verb.children if child.dep_ in {"aux", "auxpass"}]
    if any(child.tag_ in {"MD", "TO"} for child in auxiliaries):
        return verb.dep_ == "xcomp" and not _is_planned(verb) and is_past(governing_verb(verb))
    if not auxiliaries and verb.tag_ == "VBN" and verb.lemma_ in {"bear", "be"}:
        return True  # "A boy, born on 27 August", "Been to Rome in May"
    if verb.tag_ == "VBD" or any(c.tag_ == "VBD" or c.lemma_ == "have" for c in auxiliaries):
        return True
    return not auxiliaries and _has_no_tense(verb) and is_past(governing_verb(verb))


def _is_planned(infinitive: Token) -> bool:
    """ "I decided to move in June": the decision is past, the move is not."""
    return infinitive.head.lemma_ in _DECIDING


def _has_no_tense(verb: Token) -> bool:
    """ "I stopped drinking coffee in January": the time is that of the verb above."""
    alone = not any(child.dep_ in {"nsubj", "nsubjpass"} for child in verb.children)
    return alone and verb.tag_ in {"VBG", "VBN"} and verb.dep_ in _DEPENDENT


def is_present_perfect(verb: Token | None) -> bool:
    """ "I have lived", "she's been"."""
    if verb is None or verb.tag_ not in {"VBN", "VBG", "VBD"}:
        return False
    return any(c.dep_ == "aux" and c.lower_ in _HAVE and c.tag_ != "VB" for c in verb.children)
