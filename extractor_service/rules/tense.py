"""What tense a verb is in, its auxiliaries told."""

from __future__ import annotations

from spacy.tokens import Token

from extractor_service.rules.words import word_set

_HAVE = frozenset({"have", "'ve", "has", "'s", "ve"})
_DECIDING = word_set("decide plan arrange agree promise schedule book")
_DEPENDENT = word_set("xcomp pcomp advcl acl conj")
_SUBJECTS = frozenset({"nsubj", "nsubjpass", "csubj", "csubjpass"})
_WONDERING = frozenset({"WDT", "WP", "WRB"})
# Done at once: "a lamp ordered on 3 January" tells when, "a lamp expected on 3 January" does not.
_DONE_AT_ONCE = word_set("order buy purchase pay send ship post receive sign make bake build write")
_WISHING = word_set("want need like wish ask")


def governing_verb(token: Token) -> Token | None:
    """The nearest verb above a token."""
    above = (_verb_at(ancestor) for ancestor in token.ancestors)
    return next((verb for verb in above if verb is not None), None)


def _verb_at(token: Token) -> Token | None:
    """The token, or the "is" of "the party's in Rome", which the parser takes for a possessive."""
    if token.pos_ in {"VERB", "AUX"}:
        return token
    return next((c for c in token.children if c.lower_ == "'s" and c.tag_ == "VBZ"), None)


def is_past(verb: Token | None) -> bool:
    """Whether a verb is in a past tense or the present perfect, or hangs on one that is."""
    if verb is None:
        return False
    auxiliaries = [child for child in verb.children if child.dep_ in {"aux", "auxpass"}]
    if any(child.tag_ in {"MD", "TO"} for child in auxiliaries):
        return verb.dep_ == "xcomp" and not _is_planned(verb) and is_past(governing_verb(verb))
    if not auxiliaries and verb.tag_ == "VBN" and _is_done(verb):
        return True
    if not auxiliaries and _names_a_deed(verb):
        return is_past(governing_verb(verb))
    if verb.tag_ == "VBD" or any(c.tag_ == "VBD" or c.lemma_ == "have" for c in auxiliaries):
        return True
    return not auxiliaries and _has_no_tense(verb) and is_past(governing_verb(verb))


def _is_done(participle: Token) -> bool:
    """ "A boy, born on 27 August", "Been to Rome in May", "Ordered on 3 January"."""
    if participle.lemma_ in {"bear", "be"}:
        return True
    above = governing_verb(participle)
    if above is None:
        return not any(child.dep_ in _SUBJECTS for child in participle.children)
    if participle.lemma_ not in _DONE_AT_ONCE or above.lemma_ in _WISHING:
        return False
    ahead = any(child.tag_ in {"MD", "TO"} for child in above.children)
    spliced = participle.dep_ == "conj" and participle.nbor(-1).text == ","
    beside = spliced or participle.dep_ == "advcl"
    return participle.dep_ == "acl" or (beside and not ahead)


def _names_a_deed(verb: Token) -> bool:
    """ "The invoices run on Monday went fine": a verb that something is told of."""
    asks = any(child.tag_ in _WONDERING or child.dep_ == "mark" for child in verb.children)
    return verb.dep_ in _SUBJECTS and verb.tag_ in {"VB", "VBP", "VBG", "VBN"} and not asks


def _is_planned(infinitive: Token) -> bool:
    """ "I decided to move in June", "I've got to go in June": what is past is not the move."""
    above = infinitive.head
    owed = above.lower_ == "got" and any(c.lower_ in _HAVE for c in above.children)
    return owed or above.lemma_ in _DECIDING


def _has_no_tense(verb: Token) -> bool:
    """ "I stopped drinking coffee in January": the time is that of the verb above."""
    alone = not any(child.dep_ in {"nsubj", "nsubjpass"} for child in verb.children)
    return alone and verb.tag_ in {"VBG", "VBN"} and verb.dep_ in _DEPENDENT


def is_present_perfect(verb: Token | None) -> bool:
    """ "I have lived", "she's been"."""
    if verb is None or verb.tag_ not in {"VBN", "VBG", "VBD"}:
        return False
    return any(c.dep_ == "aux" and c.lower_ in _HAVE and c.tag_ != "VB" for c in verb.children)
