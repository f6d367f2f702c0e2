"""What somebody plans, or plans no more, under one name however it is said.

"Is planning a trip to Paris", "wants to visit Paris" and "cancelled the flight to Paris" are about
"trip to paris"; any other plan is called by its noun, "birthday party", or verb, "plan to learn
piano".
"""

from __future__ import annotations

from dataclasses import dataclass

from spacy.tokens import Token

from extractor_service.reading import NOTHING
from extractor_service.rules.acts import (
    Act,
    is_date,
    is_denied,
    main_part,
    names_in,
    owner_name,
    owner_of,
    words_in_order,
)
from extractor_service.rules.tense import is_past
from extractor_service.rules.words import word_set

_PLANNING = word_set("plan want hope intend aim decide go mean wish")
_MAKING = word_set("plan book arrange schedule organize organise")
_DROPPING = word_set("cancel scrap abandon drop")
_SHIFTING = word_set("postpone reschedule delay")
_TRAVELLING = word_set("go travel fly visit head drive")
_TRIPS = word_set("trip holiday vacation journey visit flight getaway tour cruise")
_EVENTS = _TRIPS | word_set(
    "party wedding appointment meeting dinner lunch concert class course lesson reservation "
    "booking interview surgery operation conference exam game match race ceremony retreat event "
    "celebration barbecue picnic camp move plan subscription membership show exhibition workshop "
    "reunion festival ticket"
)
_MOST_WORDS = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """What is planned, the words for when, and whose it is if not the subject's."""

    what: str
    when: frozenset[str]
    holds: bool
    owner: str = ""
    postponed: bool = False


def plan(act: Act) -> Plan | None:
    """The plan that an act makes, moves or drops."""
    return _dropped_or_moved(act) or _given_up(act) or _of_a_thing(act) or _of_a_deed(act)


def _of_a_thing(act: Act) -> Plan | None:
    """ "Alice is planning a trip to Paris"."""
    things = [t for t in act.children("dobj") if t.lemma_.lower() in _EVENTS]
    making = act.lemma in _MAKING and (act.present or is_past(act.clause.head))
    if not things or not making or is_denied(act.clause.head):
        return None
    what = _thing(things[0])
    return Plan(what, _when(act), holds=True, owner=_owner(things[0])) if what else None


def _dropped_or_moved(act: Act) -> Plan | None:
    """ "Alice cancelled the trip to Paris", "Alice's trip to Paris is postponed"."""
    called_off = act.lemma == "call" and any(t.lower_ == "off" for t in act.verb.children)
    dropped, moved = act.lemma in _DROPPING or called_off, act.lemma in _SHIFTING
    things = act.children("dobj", "nsubjpass") or act.placed("off")
    if not (dropped or moved) or not things or is_denied(act.clause.head):
        return None
    if things[0].lemma_.lower() not in _EVENTS:
        return None
    what, owner = _thing(things[0]), _owner(things[0])
    known = owner or things[0].dep_ != "nsubjpass"
    if not what or not known:
        return None
    return Plan(what, _when(act), holds=not dropped, owner=owner, postponed=moved)


def _given_up(act: Act) -> Plan | None:
    """ "Alice changed Alice's mind about moving to Oslo"."""
    if act.lemma != "change" or all(t.lemma_ != "mind" for t in act.children("dobj")):
        return None
    links = (t for t in act.verb.subtree if t.lower_ == "about")
    deed = next((t for link in links for t in link.children if t.dep_ == "pcomp"), None)
    what = "" if deed is None else _named(deed)
    return Plan(what, NOTHING, holds=False) if what else None


def _of_a_deed(act: Act) -> Plan | None:
    """ "Alice wants to learn the piano", "Alice decided not to move to Oslo"."""
    deed = _deed(act)
    if deed is None:
        return None
    what = _named(deed)
    holds = act.holds and not is_denied(deed)
    return Plan(what, _when(act), holds=holds) if what else None


def _deed(act: Act) -> Token | None:
    head = act.clause.head
    if head is not act.verb:
        return None
    if any(t.lower_ in {"will", "'ll", "wo"} for t in act.clause.auxiliaries):
        return head if head.lemma_ not in {"be", "have"} else None
    if act.lemma in {"move", "relocate", *_TRAVELLING} and _is_under_way(head):
        return head
    past = is_past(head) and act.lemma != "decide"
    if act.lemma not in _PLANNING or past or (act.lemma == "go" and head.tag_ != "VBG"):
        return None
    return next((t for t in act.children("xcomp") if t.tag_ == "VB"), None)


def _is_under_way(head: Token) -> bool:
    """ "Alice is moving to Oslo"."""
    going_to = any(child.dep_ == "xcomp" for child in head.children)
    return head.tag_ == "VBG" and not going_to and not is_past(head) and bool(_goals(head))


def _thing(noun: Token) -> str:
    """The name of what is planned."""
    places = names_in(noun.rights)
    if noun.lemma_.lower() in _TRIPS and places:
        return f"trip to {' '.join(_ordered(noun, places))}"
    words = [w for w in words_in_order(main_part(noun), dates=False) if w != "new"]
    if words and words[0] == "move":
        words = ["plan to", *words]
    return " ".join(words) if len(words) <= _MOST_WORDS else ""


def _named(deed: Token) -> str:
    places, verb = _goals(deed), deed.lemma_.lower()
    if verb in _TRAVELLING and places:
        return f"trip to {' '.join(_ordered(deed, places))}"
    if verb in {"have", "be", "do"}:
        return ""
    said = [t for t in deed.rights if t.dep_ in {"dobj", "prep", "advmod", "xcomp"}]
    words = [w for part in said for w in words_in_order(main_part(part), dates=False)]
    return " ".join(["plan to", verb, *words]) if words and len(words) < _MOST_WORDS else ""


def _goals(deed: Token) -> frozenset[str]:
    """The places that somebody goes to."""
    there = [t for link in deed.children if link.lower_ == "to" for t in link.children]
    goals = there + [t for t in deed.children if t.dep_ == "dobj" and deed.lemma_ == "visit"]
    return names_in(t for t in goals if t.ent_type_ != "PERSON")


def _ordered(head: Token, names: frozenset[str]) -> list[str]:
    return list(dict.fromkeys(t.lower_ for t in head.subtree if t.lower_ in names))


def _owner(noun: Token) -> str:
    owner = owner_of(noun)
    return "" if owner is None else owner_name(owner)


def _when(act: Act) -> frozenset[str]:
    dates = [t for t in act.clause.own if is_date(t) and t.pos_ in {"PROPN", "NUM", "NOUN"}]
    return frozenset(t.lower_ for t in dates) or NOTHING
