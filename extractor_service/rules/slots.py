"""Which facts take each other's place: one small function a slot, the first that fits wins.

A slot is whom a fact is about and what of them: "alice|home", "emma|employer", "alice|diet",
"alice|relationship", "alice|name", "alice|age", "alice|budget", "alice|answer language",
"alice|trip to paris" (a plan), "alice|play tennis" (what somebody does, has, likes or is, or no
longer). Facts of which two may well be true, such as what somebody did or whom they know, have
none.
"""

from __future__ import annotations

from collections.abc import Callable

from spacy.tokens import Token

from extractor_service.reading import NOTHING, Claim
from extractor_service.rules.acts import (
    Act,
    act_of,
    is_date,
    main_part,
    owner_of,
    words_in_order,
)
from extractor_service.rules.amounts import amount, following
from extractor_service.rules.claims import claim, is_done
from extractor_service.rules.clauses import Clause
from extractor_service.rules.diets import ability, diet
from extractor_service.rules.filters import states_nothing
from extractor_service.rules.home_and_work import home, job, team, work
from extractor_service.rules.lives import birth, pet
from extractor_service.rules.pastimes import PARTING, car, pastime
from extractor_service.rules.personal import age, favourite, name, partner, relationship
from extractor_service.rules.plans import plan
from extractor_service.rules.same_words import same_phrase
from extractor_service.rules.singular import budgeted, changed, new_number, put_anew, singular
from extractor_service.rules.tense import is_present_perfect
from extractor_service.rules.versions import switched, version
from extractor_service.rules.wanted import wanted
from extractor_service.rules.words import word_set

MAX_SLOT_CHARS = 128
_MOST_WORDS = 6

_LIKING = {
    "hat": False,  # what the model makes of "hates"
    "love": True, "like": True, "enjoy": True, "adore": True, "hate": False, "dislike": False,
    "loathe": False, "despise": False, "detest": False,
}  # fmt: skip
_TELLING = word_set("show say tell think remember know mean seem look feel")


def claim_of(clause: Clause) -> Claim | None:
    """What a clause claims; None where it claims nothing that only one fact can say."""
    act = None if states_nothing(clause) else act_of(clause)
    if act is None:
        return None
    found = next((made for make in _SLOTS if (made := make(act)) is not None), None)
    return found if found is not None and len(found.slot) <= MAX_SLOT_CHARS else None


def claim_of_two(first: Clause, second: Clause) -> Claim | None:
    """What two clauses claim of one thing; None where they say two things."""
    return None if states_nothing(second) else put_anew(first, second)


def _plan(act: Act) -> Claim | None:
    found = plan(act)
    if found is None:
        return None
    whose = found.owner or act.subject
    return claim(
        act, found.what, found.when,
        subject=whose, holds=found.holds, exclusive=found.one, shifts=found.postponed,
    )  # fmt: skip


def _switch(act: Act) -> Claim | None:
    """What one does, has, likes or is, or no longer: "plays tennis", "is allergic to nuts"."""
    if act.lemma in PARTING and is_done(act):
        own = [t for t in act.children("dobj") if owner_of(t) is not None]
        return _thing(act, "have", holds=False, things=own) if own else None
    if (
        act.lemma in _TELLING
        or not act.present
        or (is_present_perfect(act.clause.head) and act.holds)
    ):
        return None
    if act.lemma in _LIKING:
        return _thing(act, "like", holds=act.holds == _LIKING[act.lemma], things=act.objects())
    things = act.objects() or act.children("xcomp")
    if act.lemma == "be":
        things = act.children("acomp")
        return _thing(act, "be", holds=act.holds, things=things) if things else None
    if not things:
        links = [t for t in act.children("prep") if not _is_time(t)]
        things = [t for p in links for t in p.children if t.dep_ == "pobj"]
    return _thing(act, act.lemma, holds=act.holds, things=things)


def _thing(act: Act, verb: str, *, holds: bool, things: list[Token]) -> Claim | None:
    words = [w for t in things for w in words_in_order(main_part(t), dates=False)]
    if len(words) > _MOST_WORDS or (not words and act.holds):
        return None
    attribute = same_phrase(" ".join([verb, *words]))
    return claim(act, attribute, NOTHING, holds=holds, exclusive=False)


def _is_time(link: Token) -> bool:
    return link.lower_ in {"since", "until", "till"} or any(is_date(t) for t in link.children)


_Maker = Callable[[Act], Claim | None]
_SLOTS: tuple[_Maker, ...] = (
    name, singular, changed, budgeted, new_number, age, favourite, diet, ability, relationship,
    partner, pet, birth, wanted, _plan, home, team, work, job, amount, following, version,
    switched, pastime, car, _switch,
)  # fmt: skip
