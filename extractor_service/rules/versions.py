"""What somebody uses: in which version of it, and no longer once they have changed to another."""

from __future__ import annotations

from spacy.tokens import Token

from extractor_service.reading import NOTHING, Claim
from extractor_service.rules.acts import Act, main_part, words_in_order
from extractor_service.rules.claims import claim, is_done
from extractor_service.rules.moves import is_product, moves_oneself
from extractor_service.rules.pastimes import habit_with
from extractor_service.rules.words import word_set

_USING = word_set("use run")
_RAISING = word_set("upgrade update migrate move switch")
_CHANGING = word_set("switch change migrate convert")
_DROPPING = word_set("drop ditch abandon replace")
# What has a number, and is another by another number.
_WAYS = word_set(
    "bus line route road highway motorway interstate platform gate room tram lane track"
)
_MOST_WORDS = 3


def version(act: Act) -> Claim | None:
    """ "Alice uses Postgres 15", "Alice upgraded to Postgres 16"."""
    uses = act.lemma in _USING and act.present
    raises = act.lemma in _RAISING and is_done(act) and act.holds
    things = act.placed("to") if raises else act.objects() or act.placed("on") if uses else []
    named = [t for t in things if t.pos_ == "PROPN" and t.lower_ not in _WAYS]
    if len(named) != 1:
        return None
    number, words = _number_of(named[0]), _words(named[0])
    if not number or not words:
        return None
    # For something else there may be another version.
    alone = raises or not [t for t in act.children("prep") if t.lower_ != "on"]
    return claim(act, " ".join(["use", *words]), {number}, exclusive=alone)


def _number_of(thing: Token) -> str:
    """The "15" of "Postgres 15", however it is parsed, and not of "Postgres 15 times"."""
    after = thing.nbor() if thing.i + 1 < len(thing.doc) else thing
    return after.lower_ if after.text[:1].isdigit() and after.head.i < after.i else ""


def switched(act: Act) -> Claim | None:
    """ "Alice switched from Vim to Emacs", "Alice dropped SQLite for Postgres"."""
    if not act.holds or not is_done(act):
        return None
    moved = act.lemma == "move" and any(is_product(t) for t in act.placed("from", "to"))
    if (act.lemma in _CHANGING or moved) and moves_oneself(act.verb):
        if left := act.placed("from"):
            return _uses(act, left, holds=False)
        return _uses(act, [t for t in act.placed("to") if t.pos_ == "PROPN"], holds=True)
    instead = act.placed("with" if act.lemma == "replace" else "for")
    return _uses(act, act.children("dobj"), holds=False) if _drops(act, instead) else None


def _drops(act: Act, instead: list[Token]) -> bool:
    """ "Dropped SQLite for Postgres", and not "dropped my phone for the third time"."""
    things = [*act.children("dobj"), *instead]
    narrowed = any(t.dep_ in {"det", "poss", "amod"} for thing in things for t in thing.lefts)
    return act.lemma in _DROPPING and bool(instead) and not narrowed


def _uses(act: Act, things: list[Token], *, holds: bool) -> Claim | None:
    words = _words(things[0]) if len(things) == 1 else []
    if not words:
        return None
    return claim(act, habit_with(words), NOTHING, holds=holds, exclusive=False)


def _words(thing: Token) -> list[str]:
    """It by its name, whatever its number."""
    part = (t for t in main_part(thing) if t.i <= thing.i and not t.text[:1].isdigit())
    words = list(words_in_order(part, dates=False))
    return words if len(words) <= _MOST_WORDS else []
