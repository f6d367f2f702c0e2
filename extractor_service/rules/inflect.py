"""Verb forms: from "I prefer", "we are", "you've" to the third person singular."""

from __future__ import annotations

from spacy.tokens import Token

_IRREGULAR = {
    "am": "is", "are": "is", "'m": "is", "m": "is", "'re": "is", "re": "is", "ai": "is",
    "were": "was", "have": "has", "'ve": "has", "ve": "has", "do": "does", "go": "goes",
    "wanna": "wants to", "gotta": "has to",
}  # fmt: skip
_FULL = {"'ll": "will", "'m": "am", "'re": "are", "'ve": "have"}
_SPELLED = {"wanna": "want to", "gotta": "have to", "gonna": "going to"}
_INFORMAL = {"gon": "going", "na": "to", "wan": "want", "nt": "n't", "ta": "to"}
_PRESENT = frozenset({"VBP", "VB"})


def third_person(verb: Token) -> str:
    """The form of this finite verb that agrees with a name."""
    word = spelled_out(verb)
    irregular = _IRREGULAR.get(verb.lower_) or _IRREGULAR.get(word.lower())
    if irregular:
        return irregular
    return add_s(word) if verb.tag_ in _PRESENT else word


def present(lemma: str) -> str:
    """The third person present of a verb given by its base form."""
    return {"be": "is"}.get(lemma) or _IRREGULAR.get(lemma) or add_s(lemma)


def add_s(verb: str) -> str:
    """The regular third person: works, watches, tries, plays."""
    if verb.endswith(("s", "x", "z", "ch", "sh", "o")):
        return f"{verb}es"
    if verb.endswith("y") and verb[-2:-1] not in set("aeiou"):
        return f"{verb[:-1]}ies"
    return f"{verb}s"


def spelled_out(token: Token) -> str:
    """The token without contraction or chat spelling: "'ll" is "will", "gon" is "going"."""
    word = token.lower_
    if word in _INFORMAL and token.norm_ != word:
        return _INFORMAL[word]
    if is_gotta(token):
        return "have"
    if word in {"'s", "s"} and token.tag_ == "VBZ":
        return "has" if _is_perfect(token) or token.lemma_ == "have" else "is"
    if word == "'d":
        return "had" if token.tag_ == "VBD" else "would"
    return _FULL.get(word) or _SPELLED.get(word, token.text)


def is_gotta(token: Token) -> bool:
    """Whether it is the "got" of "I gotta go", and not of "I've gotta go"."""
    follows = token.i + 1 < len(token.doc) and token.nbor().lower_ == "ta"
    return token.lower_ == "got" and follows and not any(c.dep_ == "aux" for c in token.children)


def _is_perfect(auxiliary: Token) -> bool:
    """Whether this "'s" is short for "has": "it's been", "she's left"."""
    verb = auxiliary.head
    if verb.lower_ == "been" or any(child.lower_ == "been" for child in verb.lefts):
        return auxiliary != verb
    acts = verb.lower_ == "got" or any(t.dep_ in {"dobj", "ccomp"} for t in verb.rights)
    return verb.tag_ == "VBN" and auxiliary != verb and (auxiliary.dep_ == "aux" or acts)
