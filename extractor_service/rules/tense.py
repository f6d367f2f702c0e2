"""What tense a verb is in, its auxiliaries told."""

from __future__ import annotations

from spacy.tokens import Token

_HAVE = frozenset({"have", "'ve", "has", "'s", "ve"})


def governing_verb(token: Token) -> Token | None:
    """The nearest verb above a token."""
    return next((t for t in token.ancestors if t.pos_ in {"VERB", "AUX"}), None)


def is_past(verb: Token | None) -> bool:
    """Whether a verb is in a past tense or the present perfect, or hangs on one that is."""
    if verb is None:
        return False
    auxiliaries = [child for child in verb.children if child.dep_ in {"aux", "auxpass"}]
    if any(child.tag_ in {"MD", "TO"} for child in auxiliaries):
        return verb.dep_ == "xcomp" and is_past(governing_verb(verb))
    return verb.tag_ == "VBD" or any(c.tag_ == "VBD" or c.lemma_ == "have" for c in auxiliaries)


def is_present_perfect(verb: Token | None) -> bool:
    """ "I have lived", "she's been"."""
    if verb is None or verb.tag_ not in {"VBN", "VBG", "VBD"}:
        return False
    return any(c.dep_ == "aux" and c.lower_ in _HAVE and c.tag_ != "VB" for c in verb.children)
