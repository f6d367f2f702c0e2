"""How much somebody takes, and how many they invite: another number takes the place of the first.

What is taken is the slot, however much of it: "alice|take metformin".
"""

from __future__ import annotations

from collections.abc import Iterable

from spacy.tokens import Token

from extractor_service.reading import Claim
from extractor_service.rules.acts import Act, main_part, words_in_order
from extractor_service.rules.called_off import is_event
from extractor_service.rules.claims import claim, is_done
from extractor_service.rules.words import word_set

_TAKING = word_set("take inject")
_MEASURES = word_set(
    "mg mcg ug \u00b5g \u03bcg g ml gram milligram microgram milliliter millilitre iu unit tablet "
    "pill capsule drop puff dose"
)
_TIMES = word_set("once twice thrice")
# Of a part of the day or the week there may be others, with as much again.
_PARTS = word_set(
    "morning noon afternoon evening night bedtime breakfast lunch dinner supper meal monday "
    "tuesday wednesday thursday friday saturday sunday weekday weekend if when"
)
_INVITING = word_set("invite expect")
_PEOPLE = word_set("people person guest")
_FOLLOWING = word_set(
    "user customer subscriber follower member employee guest client reader listener player download"
)


def amount(act: Act) -> Claim | None:
    """ "Alice takes 500 mg of metformin twice a day", "Alice is inviting 80 guests to a party"."""
    things = act.children("dobj")
    if not act.present or len(things) != 1 or not _numbers(things[0].subtree):
        return None
    return _dose(act, things[0]) if act.lemma in _TAKING else _crowd(act, things[0])


def following(act: Act) -> Claim | None:
    """ "Alice has 40 users", "Alice has reached 310 users", "Alice is at 310 users"."""
    has = act.lemma == "have" and act.present
    reaches = act.lemma == "reach" and (act.present or is_done(act))
    things = act.children("dobj") if has or reaches else []
    if act.lemma == "be" and act.present:
        things = act.placed("at")
    inside = [t for thing in things for t in thing.subtree]
    numbers = frozenset(t.lower_ for t in inside if t.like_num or t.text[:1].isdigit())
    if len(things) != 1 or things[0].lemma_.lower() not in _FOLLOWING or not numbers:
        return None
    where = [t for place in act.placed("in", "on", "from") for t in main_part(place)]
    who = [*(t for t in main_part(things[0]) if t.i <= things[0].i), *where]
    named = _words(t for t in who if t.pos_ != "ADV" and t.lower_ not in numbers)
    return claim(act, " ".join(["have", *named]), numbers)


def _dose(act: Act, thing: Token) -> Claim | None:
    part = main_part(thing)
    measures = {t.lemma_.lower() for t in part} & _MEASURES
    drug = _words(part)
    if not measures or not drug:
        return None
    said = {t.lower_ for t in act.clause.own}
    whole = not {t.lemma_.lower() for t in act.clause.own} & _PARTS
    value = _numbers(part) | measures | (said & _TIMES)
    return claim(act, " ".join(["take", *drug]), value, exclusive=whole)


def _crowd(act: Act, thing: Token) -> Claim | None:
    events = [t for t in act.placed("to", "for", "at") if is_event(t)]
    if act.lemma not in _INVITING or thing.lemma_.lower() not in _PEOPLE or len(events) != 1:
        return None
    inside = set(thing.subtree)
    event = [t for t in main_part(events[0]) if t not in inside]
    attribute = " ".join([act.lemma, *_words([*main_part(thing), *event])])
    return claim(act, attribute, _numbers(inside))


def _numbers(tokens: Iterable[Token]) -> frozenset[str]:
    return frozenset(t.lower_ for t in tokens if t.like_num)


def _words(tokens: Iterable[Token]) -> list[str]:
    """What is taken or who is invited, without how much or how many."""
    named = (t for t in tokens if not t.like_num and t.lemma_.lower() not in _MEASURES | _TIMES)
    return list(words_in_order(named, dates=False))
