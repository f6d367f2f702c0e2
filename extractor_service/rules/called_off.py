"""What was planned and is no more, or is put off: "the trip to Japan is cancelled"."""

from __future__ import annotations

from collections.abc import Iterator

from spacy.tokens import Token

from extractor_service.rules.acts import is_date
from extractor_service.rules.words import word_set

TRIPS = word_set("trip holiday vacation journey visit flight getaway tour cruise honeymoon")
EVENTS = TRIPS | word_set(
    "party wedding appointment meeting dinner lunch concert class course lesson reservation "
    "booking interview surgery operation conference exam game match race ceremony retreat event "
    "celebration barbecue picnic camp move plan subscription membership show exhibition workshop "
    "reunion festival ticket engagement gig recital performance date sleepover brunch breakfast "
    "release launch fitting rehearsal"
)
_SHIFTING = word_set("postpone reschedule delay")
# Of what these are said it is put off only where there is a time for it.
_MOVING = word_set("move push shift slip bring")
_DROPPING = word_set("cancel scrap abandon drop ditch")
_UNTIL = frozenset({"to", "until", "till"})
_OBJECTS = frozenset({"dobj", "nsubjpass"})
_SUBJECTS = frozenset({"nsubj", "nsubjpass"})
_DEEDS = word_set("have decide end choose agree")
_DENYING = word_set("not n't never")


def called_off(verb: Token) -> Token | None:
    """The thing that is planned no more by what a verb says: the trip; None if it says no such.

    An "it" may be anything that is planned.
    """
    things = _dropped(verb) or _fallen_through(verb) or _decided_against(verb)
    return next((thing for thing in things if is_event(thing) or thing.lower_ == "it"), None)


def put_off(verb: Token) -> Token | None:
    """The thing that is planned for another time: the trip of "we postponed the trip"."""
    if _is_denied(verb):
        return None
    moved = verb.lemma_ == "move" and any(c.dep_ == "auxpass" for c in verb.children)
    timed = verb.lemma_.lower() in _MOVING and _is_to_a_time(verb)
    things = _children(verb, _OBJECTS) or (_children(verb, _SUBJECTS) if timed else [])
    shifts = moved or timed or verb.lemma_.lower() in _SHIFTING
    return next((thing for thing in things if shifts and is_event(thing)), None)


def _is_to_a_time(verb: Token) -> bool:
    """ "To 1 August", "back to September", and not "to Berlin"."""
    heads = (verb, *(t for t in verb.children if t.dep_ in {"advmod", "prt"}))
    links = (t for head in heads for t in head.children if t.lower_ in _UNTIL)
    return any(is_date(t) for link in links for t in link.children)


def deed(verb: Token) -> Token:
    """What was done by a verb: the "cancel" of "had to cancel", "decided to cancel"."""
    done = verb.tag_ in {"VBD", "VBN"} and verb.lemma_.lower() in _DEEDS
    inner = (child for child in verb.children if child.dep_ == "xcomp" and done)
    return next(inner, verb)


def is_event(thing: Token) -> bool:
    """Whether it is something that one plans."""
    return thing.lemma_.lower() in EVENTS


def is_definite(thing: Token) -> bool:
    """Whether it is one that is known: "the trip", "our wedding", "Saturday's party"."""
    known = any(t.lower_ in {"the", "that", "this"} or t.dep_ == "poss" for t in thing.lefts)
    return known or thing.pos_ == "PRON"


def _dropped(verb: Token) -> list[Token]:
    """ "We cancelled the trip", "the trip was called off", "the trip is off"."""
    calls_off = verb.lemma_ in {"call", "break"} and _has(verb, "off")
    if _is_denied(verb) or verb.tag_ == "VBG":
        return []
    if verb.lemma_ == "be":
        return _children(verb, _SUBJECTS) if _is_off(verb) else []
    if verb.lemma_.lower() not in _DROPPING and not calls_off:
        return []
    behind = (t for t in verb.children if t.dep_ in {"prep", "prt"} and t.lower_ == "off")
    return _children(verb, _OBJECTS) or [t for link in behind for t in link.children]


def _fallen_through(verb: Token) -> list[Token]:
    """ "The trip fell through", "the trip isn't happening any more"."""
    falls = verb.lemma_ == "fall" and _has(verb, "through") and not _is_denied(verb)
    place = verb.lemma_ == "take" and any(t.lower_ == "place" for t in verb.children)
    fails = (verb.lemma_ in {"happen", "go"} or place) and _is_denied(verb)
    goes_on = verb.lemma_ != "go" or _has(verb, "ahead")
    return _children(verb, _SUBJECTS) if falls or (fails and goes_on) else []


def _decided_against(verb: Token) -> list[Token]:
    against = (t for t in verb.children if t.lower_ == "against" and verb.lemma_ == "decide")
    return [t for link in against for t in link.children if not _is_denied(verb)]


def _is_off(verb: Token) -> bool:
    """ "Is off", and not "is off to a good start"."""
    off = (t for t in verb.children if t.lower_ == "off" and t.dep_ in {"advmod", "prt", "acomp"})
    bare = any(all(child.dep_ == "advmod" for child in t.children) for t in off)
    return bare or any(t.lemma_ in {"cancel"} and t.dep_ == "acomp" for t in verb.children)


def _children(verb: Token, deps: frozenset[str]) -> list[Token]:
    return [child for child in verb.children if child.dep_ in deps]


def _has(verb: Token, word: str) -> bool:
    return any(child.lower_ == word for child in verb.children)


def _is_denied(verb: Token) -> bool:
    return any(denies.lower_ in _DENYING for denies in _beside(verb))


def _beside(verb: Token) -> Iterator[Token]:
    for child in verb.children:
        yield child
        if child.dep_ in {"aux", "auxpass"}:
            yield from child.children
