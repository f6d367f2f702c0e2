"""What of a clause is for the listener and not for the record: openers, names called, fillers."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from spacy.tokens import Token

from extractor_service.rules.clauses import SUBJECTS, Clause
from extractor_service.rules.people import is_relation
from extractor_service.rules.speaker import Participants
from extractor_service.rules.words import word_set

_OPENERS = word_set(
    "well yeah yes yep yup oh wow hey hi hello so also actually anyway anyways basically honestly "
    "btw and but plus haha lol thanks then besides furthermore luckily fortunately unfortunately "
    "ok okay sure right no nope aw aww ah hmm omg or yet anyhow guess just definitely totally "
    "thankfully sadly absolutely again"
)
_OPENING_PHRASES = tuple(
    tuple(phrase.split())
    for phrase in (
        "by the way", "in fact", "of course", "as well", "that way", "at least", "for sure",
        "on a different note", "besides that", "apart from that", "other than that",
        "speaking of which", "in other news", "on another note", "to be honest",
        "you know", "as you know",
    )
)  # fmt: skip
_ENDINGS = "though tho however actually anyway honestly too either haha unrelated"
_LAST_WORDS = tuple(
    tuple(phrase.split())
    for phrase in (
        "no joke", "no kidding", "fingers crossed", "long story", "long story short", "trust me",
        "believe me", "stupid me", "silly me", "lucky me", "poor me",
    )
)  # fmt: skip
_ENDING_PHRASES = (*((word,) for word in _ENDINGS.split()), *_LAST_WORDS, *_OPENING_PHRASES)
_AFTER_ALL = ("after", "all")
_ANNOUNCING = word_set("thing fact news update note announcement ps p.s. reminder story")
_LONGEST_ANNOUNCEMENT = 10
_LONGEST_HEADING = 4
_TELLING = frozenset({"DATE", "TIME", "PERSON", "GPE"})
_FILLERS = word_set("btw lol haha tho fyi omg :) :( :d ;)")
# "now" is the time of saying, which every memory of a state has.
_FILLER_ADVERBS = word_set("also too actually just honestly basically anyway though now currently")
_LONGEST_DENIAL = 5
_NO_DENIAL = word_set("only just far many much all")
_LAST_OF_LATIN = "\u00ff"  # "°" and "®" are symbols too
_NOT_CALLED = word_set("poss compound conj det aux cc prep neg mark")
_TALKING = word_set("speak talk chat meet see catch")


def trimmed(clause: Clause, who: Participants) -> set[int]:
    """Indexes of the tokens to leave out."""
    dropped = {t.i for t in clause.tokens if _is_filler(t, clause) or _is_called(t, clause, who)}
    for since in clause.children("advcl"):
        if _is_last_talk(since):
            dropped |= {token.i for token in since.subtree}
    rest = [token for token in clause.tokens if token.i not in dropped]
    dropped |= {token.i for token in rest[: _announcement_length(rest)]}
    rest = [token for token in rest if token.i not in dropped]
    dropped |= {token.i for token in rest[: _opening_length(rest)]}
    return dropped | {token.i for token in rest[len(rest) - _ending_length(rest) :]}


def _announcement_length(tokens: Sequence[Token]) -> int:
    """Words up to the colon of "And one more thing: I moved"."""
    colon = next((i for i, t in enumerate(tokens[:_LONGEST_ANNOUNCEMENT]) if t.text == ":"), 0)
    if not colon:
        return 0
    announces = tokens[colon - 1].lemma_.lower() in _ANNOUNCING
    return colon + 1 if announces or _is_heading(tokens[:colon], tokens[colon + 1 :]) else 0


def _is_heading(words: Sequence[Token], rest: Sequence[Token]) -> bool:
    """ "A heads up: we have a dog": words without a verb, and whoever does it behind them."""
    plain = all(t.pos_ not in {"VERB", "AUX"} and t.ent_type_ not in _TELLING for t in words)
    return plain and len(words) <= _LONGEST_HEADING and any(t.dep_ in SUBJECTS for t in rest)


def _ending_length(tokens: Sequence[Token]) -> int:
    """Tokens, comma included, of the ", though" or ", by the way" at the end."""
    closing = 0
    while closing < len(tokens) and tokens[-1 - closing].is_punct:
        closing += 1
    lower = tuple(token.lower_ for token in tokens[: len(tokens) - closing])
    denied = any(token.dep_ == "neg" for token in tokens)
    if lower[-len(_AFTER_ALL) :] == _AFTER_ALL and not denied:
        return closing + len(_AFTER_ALL)
    for phrase in _ENDING_PHRASES:
        if lower[-len(phrase) - 1 :] == (",", *phrase):
            return closing + len(phrase) + 1
    return 0


def _opening_length(tokens: Sequence[Token]) -> int:
    lower = [token.lower_ for token in tokens]
    skip = 0
    while skip < len(tokens):
        length = _phrase_length(lower[skip:]) or _denial_length(tokens[skip:])
        if not length and not _opens(tokens[skip]):
            return skip
        skip += length or 1
    return skip


def _denial_length(tokens: Sequence[Token]) -> int:
    """ "Not today, I'm busy", "not too bright, I get migraines": the denial answers another."""
    comma = next((i for i, t in enumerate(tokens[:_LONGEST_DENIAL]) if t.text == ","), 0)
    denied = tokens[1:comma]
    if not denied or tokens[0].lower_ != "not" or denied[0].lower_ in _NO_DENIAL:
        return 0
    return 0 if any(t.pos_ in {"VERB", "AUX", "CCONJ"} for t in denied) else comma + 1


def _opens(token: Token) -> bool:
    if token.is_punct or token.is_space or token.dep_ == "intj" or token.pos_ in {"SYM", "INTJ"}:
        return not (token.is_quote or token.is_left_punct)
    if token.dep_ == "mark" and token.lower_ == "that":
        return True
    if token.lower_ == "wait":
        return token.pos_ != "VERB"
    if token.lower_ == "next":  # "Next I have to move", and neither "next week" nor "next up is"
        return token.i + 1 < len(token.doc) and token.nbor().tag_ == "PRP"
    return token.lower_ in _OPENERS and token.dep_ not in {"det", "neg", "amod"}


def _phrase_length(lower: Sequence[str]) -> int:
    return next((len(p) for p in _OPENING_PHRASES if tuple(lower[: len(p)]) == p), 0)


def _is_last_talk(verb: Token) -> bool:
    """ "since we last spoke"."""
    last = any(child.lower_ == "last" for child in verb.children)
    return last and verb.lemma_ in _TALKING


def _is_filler(token: Token, clause: Clause) -> bool:
    if token.lower_ in _FILLERS or token.dep_ == "intj" or _is_emoji(token):
        return True
    adverb = token.head if token.head.lower_ == "now" else token  # "right now"
    at_verb = adverb.head in (clause.head, *clause.auxiliaries)
    return at_verb and adverb.dep_ == "advmod" and adverb.lower_ in _FILLER_ADVERBS


def _is_emoji(token: Token) -> bool:
    return any(unicodedata.category(c) == "So" and c > _LAST_OF_LATIN for c in token.text)


def _is_called(token: Token, clause: Clause, who: Participants) -> bool:
    """A participant's name that is no part of the statement: "Thanks, Melanie"."""
    if token.dep_ in _NOT_CALLED or token == clause.subject or not who.includes(token.text):
        return False
    if token.dep_ == "appos" and not is_relation(token.head):
        return True
    doc, i = token.doc, token.i
    closed = i + 1 >= len(doc) or doc[i + 1].is_punct
    opened = i == 0 or doc[i - 1].is_punct or doc[i - 1].pos_ == "INTJ"
    return opened and closed
