"""Names that the user only says: in a part that they play, as an example, in somebody's words."""

from __future__ import annotations

import re

from spacy.tokens import Token

from extractor_service.rules.words import word_set

_GAMES = r"(?:example|sample|game|story|sketch|scene|play|campaign|book|film|movie)"
_TEXTS = r"(?:text|sample|example|dialogue|sentence|script|poem|song|story|essay)s?"
_PRAISE = r"(?:great|good|nice|lovely|wonderful|fantastic|brilliant|big|real|true|life|star|legend)"
_PRETENDED = re.compile(
    r"\b(?:pretend|imagine|suppose|role[- ]?play\w*|(?:let's|lets|let us) say)\b"
    r"|\bact as (?:a|an|the|my|if)\b"
    rf"|\byou(?:'re| are) now\b|^\W*you are (?:a|an|the) (?!{_PRAISE}\b)"
    rf"|\b(?:for (?:example|instance)\b|e\.g\.|(?:in|as) (?:this|the|an|my|a) (?:\w+ )?{_GAMES}\b)"
    rf"|\b{_TEXTS}\b[^.!?\n:]{{0,30}}:",
    re.IGNORECASE,
)
_QUOTING = word_set("say tell write read reply answer sing ask shout")
_MARKS = re.compile('["\u201c\u201d\u201e]')
_SPEAKERS = frozenset({"i", "we"})


def is_made_up(verb: Token) -> bool:
    """Whether the name in "my name is Alice" need not be the writer's, given the verb.

    So it is after "pretend you are a waiter", "this is the text:", "the hero says" and in quotes.
    """
    return _is_pretended(verb) or _is_quoted(verb) or _is_said_by_others(verb)


def _is_pretended(verb: Token) -> bool:
    """What is said later of the part that is played does no harm to what came before."""
    text = verb.doc.text[: verb.sent.end_char].replace("\u2019", "'")
    return _PRETENDED.search(text) is not None


def _is_quoted(verb: Token) -> bool:
    return len(_MARKS.findall(verb.doc.text[: verb.idx])) % 2 == 1


def _is_said_by_others(verb: Token) -> bool:
    """ "The hero says my name is Alice", and not "I said my name is Alice"."""
    if verb.dep_ != "ccomp" or verb.head.lemma_ not in _QUOTING:
        return False
    tellers = [child for child in verb.head.children if child.dep_ == "nsubj"]
    return any(teller.lower_ not in _SPEAKERS for teller in tellers)
