"""What somebody does week by week, and what they drive, by one name however it is begun or ended.

Whoever "has pottery class" does pottery, and no longer once they "quit pottery".
"""

from __future__ import annotations

from collections.abc import Sequence

from spacy.tokens import Token

from extractor_service.reading import NOTHING, Claim
from extractor_service.rules.acts import (
    ENDING,
    Act,
    gives_up,
    is_date,
    main_part,
    owner_of,
    words_in_order,
)
from extractor_service.rules.claims import claim, is_done
from extractor_service.rules.words import word_set

_LESSONS = word_set("class lesson")
_LEARNING = word_set("have take attend go do")
_DRINKS = word_set("coffee tea alcohol beer wine soda caffeine")
GAMES = word_set(
    "tennis football soccer basketball volleyball badminton squash golf hockey rugby cricket chess"
)
PARTING = word_set("sell donate")
_MOST_WORDS = 3


def is_lesson(thing: Token) -> bool:
    """Whether it is one of a row: "pottery class"."""
    return thing.lemma_.lower() in _LESSONS


def pastime(act: Act) -> Claim | None:
    """ "Alice has pottery class on Wednesdays", "Alice quit pottery"."""
    if _quits(act):
        things = [t for t in act.children("dobj") if t.pos_ == "NOUN" and owner_of(t) is None]
        return _doing(act, things[0], holds=False) if len(things) == 1 else None
    things = act.children("dobj") or act.placed("to")
    learns = act.lemma in _LEARNING and act.present and act.holds
    if not learns or len(things) != 1 or not is_lesson(things[0]):
        return None
    return _doing(act, things[0], holds=True)


def _quits(act: Act) -> bool:
    """ "Alice quit pottery", "Alice has given up the pottery class"."""
    ends = act.lemma in ENDING or gives_up(act.verb)
    return ends and act.holds and act.verb is act.clause.head and is_done(act)


def _doing(act: Act, thing: Token, *, holds: bool) -> Claim | None:
    said = list(words_in_order(_lesson_or_thing(thing), dates=False))
    words = [word for word in said if word not in _LESSONS]
    if not words or len(words) > _MOST_WORDS:
        return None
    what = " ".join(["do", *words]) if is_lesson(thing) else habit_with(words, verb="do")
    return claim(act, what, NOTHING, holds=holds, exclusive=False)


def habit_with(words: Sequence[str], verb: str = "use") -> str:
    """What one does with a thing: "drink coffee", "play tennis"; with any other, the `verb`."""
    does = "drink" if words[-1] in _DRINKS else "play" if words[-1] in GAMES else verb
    return " ".join([does, *words])


def _lesson_or_thing(thing: Token) -> list[Token]:
    """It with what stands before it: "pottery class", and not when and where."""
    return [t for t in main_part(thing) if t.i <= thing.i and not t.like_num]


def car(act: Act) -> Claim | None:
    """ "Alice drives a Volvo 240", "Alice sold the Volvo": by its make, whatever its number."""
    makes = [t for t in act.children("dobj") if _is_named(t) and not is_date(t)]
    drives = act.lemma == "drive" and act.present
    sells = act.lemma in PARTING and is_done(act) and act.holds
    if len(makes) != 1 or not (drives or sells) or not _is_a_car(makes[0], known=sells):
        return None
    kept = [t for t in main_part(makes[0]) if not t.like_num]
    words = " ".join(["have", *words_in_order(kept, dates=False)])
    return claim(act, words, NOTHING, holds=act.holds and not sells, exclusive=False)


def _is_named(make: Token) -> bool:
    """ "A Golf" is a noun for the model."""
    return make.pos_ == "PROPN" or (make.pos_ == "NOUN" and make.is_title)


def _is_a_car(make: Token, *, known: bool) -> bool:
    """ "A Volvo", "the Volvo", and not the Aino whom one drives to school."""
    return any(t.lower_ == "the" or t.dep_ == ("poss" if known else "det") for t in make.lefts)
