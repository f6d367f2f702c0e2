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
    is_after_all,
    is_date,
    is_denied,
    main_part,
    names_in,
    owner_name,
    owner_of,
    words_in_order,
)
from extractor_service.rules.called_off import TRIPS, called_off, deed, is_event, put_off
from extractor_service.rules.claims import owner_unsaid
from extractor_service.rules.clauses import SUBJECTS, subject_of
from extractor_service.rules.pastimes import is_lesson
from extractor_service.rules.tense import is_past, is_present_perfect
from extractor_service.rules.words import word_set

_PLANNING = word_set("plan want hope intend aim decide go mean wish")
_MAKING = word_set("plan book arrange schedule organize organise")
_TRAVELLING = word_set("go travel fly visit head drive")
_HOLDING = word_set("have throw host give hold")
_ONCE = word_set("wedding surgery operation move honeymoon graduation release launch")
# Of which there is one more the next day.
_EVERY_DAY = word_set("breakfast brunch lunch dinner supper coffee tea drink meal beer")
_CALLED_SO = word_set("mother father grandma grandpa granny gran nan nana grandad granddad")
_DATING = frozenset({"PROPN", "NUM", "NOUN"})
_MOST_WORDS = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """What is planned, the words for when, and whose it is if not the subject's.

    `one`: there is no other by the same name.
    """

    what: str
    when: frozenset[str]
    holds: bool
    owner: str = ""
    postponed: bool = False
    one: bool = True


def plan(act: Act) -> Plan | None:
    """The plan that an act makes, moves or drops."""
    for made in (
        _dropped_or_moved, _said, _given_up, _of_a_thing, _at_hand, _on_a_day, _of_a_deed,
    ):  # fmt: skip
        if (found := made(act)) is not None:
            return found
    return None


def _of_a_thing(act: Act) -> Plan | None:
    """ "Alice is planning a trip to Paris", "Alice has a trip to Paris in May"."""
    things = [t for t in (*act.children("dobj"), *act.placed("on")) if is_event(t)]
    if not things or is_denied(act.clause.head):
        return None
    making = act.lemma in _MAKING and (act.present or is_past(act.clause.head))
    holding = act.present and act.verb.tag_ == "VBG" and act.lemma in _HOLDING
    going = act.present and act.lemma in {"have", "go"} and bool(_destinations(things[0]))
    if not (making or holding or going):
        return None
    what, one = _thing(things[0]), not (holding and things[0].lemma_.lower() in _EVERY_DAY)
    return Plan(what, _when(act), holds=True, owner=_owner(things[0]), one=one) if what else None


def _at_hand(act: Act) -> Plan | None:
    """ "Alice has a dentist appointment on 18 March": there may be one more of the kind."""
    has = act.lemma == "have" and act.present and all(t.lower_ != "since" for t in act.clause.own)
    got = act.lemma == "get" and is_present_perfect(act.clause.head)
    things = [t for t in act.children("dobj") if is_event(t)]
    when = _when(act)
    if not (has or got) or not act.holds or len(things) != 1 or not when:
        return None
    what = _thing(things[0])
    named = _is_known_by(things[0], what) and not is_lesson(things[0])
    return Plan(what, when, holds=True, owner=_owner(things[0]), one=False) if named else None


def _dropped_or_moved(act: Act) -> Plan | None:
    """ "Alice cancelled the trip to Paris", "Alice's trip to Paris is postponed"."""
    verb = deed(act.verb)
    thing, moved = called_off(verb), put_off(verb)
    noun = thing or moved
    if noun is None or not _thing(noun):
        return None
    # Whose a thing is that nobody is said to have dropped, only its owner tells.
    what, owner = _thing(noun), _owner(noun)
    nobodys = not owner and noun.dep_ in SUBJECTS
    if nobodys and (thing is not None or _is_known_by(noun, what)):
        owner = owner_unsaid(noun)
    if what == "date" or (nobodys and not owner):
        return None
    when = _when(act) if moved else _dates_of(noun)
    return Plan(what, when, thing is None, owner, postponed=thing is None)


def _said(act: Act) -> Plan | None:
    """ "Alice says the trip to Paris is cancelled": hers, if nobody else's."""
    told = next((t for t in act.children("ccomp") if act.lemma == "say"), None)
    noun = None if told is None else called_off(told) or put_off(told)
    if told is None or noun is None or not _thing(noun):
        return None if told is None else _said_of_a_day(act, told)
    moved = called_off(told) is None
    when = _when(act) if moved else _dates_of(noun)
    return Plan(_thing(noun), when, moved, _owner_for(act, noun), postponed=moved)


def _said_of_a_day(act: Act, told: Token) -> Plan | None:
    """ "Alice says Mum's operation is on 11 March"."""
    noun, when = subject_of(told), _when(act)
    if noun is None or told.lemma_ != "be" or is_past(told) or is_denied(told) or not when:
        return None
    what, owner = _thing(noun), _owner_for(act, noun)
    known = is_event(noun) and _is_known_by(noun, what) and (owner or _only_one(noun))
    return Plan(what, when, holds=True, owner=owner) if known else None


def _on_a_day(act: Act) -> Plan | None:
    """ "Alice's wedding is on 12 June": of what there is but one, or has more than a word."""
    noun, when = act.clause.subject, _when(act)
    if noun is None or act.lemma != "be" or not act.present or not when or not is_event(noun):
        return None
    event = _event_of(noun)
    what, owner = _thing(event), _owner(noun) or _only_one(noun)
    return Plan(what, when, act.holds, owner) if _is_known_by(event, what) and owner else None


def _event_of(noun: Token) -> Token:
    """The wedding of "wedding date"."""
    before = (t for t in noun.lefts if t.dep_ == "compound" and is_event(t))
    return next(before, noun) if noun.lemma_ == "date" else noun


def _is_known_by(noun: Token, what: str) -> bool:
    """Whether it has more than a word, or there is but one of the kind."""
    return noun.lemma_.lower() in _ONCE or len(what.split()) > 1


def _given_up(act: Act) -> Plan | None:
    """ "Alice changed Alice's mind about moving to Oslo"."""
    if act.lemma != "change" or all(t.lemma_ != "mind" for t in act.children("dobj")):
        return None
    links = (t for t in act.verb.subtree if t.lower_ == "about")
    about = next((t for link in links for t in link.children), None)
    if about is None:
        return None
    what = _named(about) if about.dep_ == "pcomp" else _thing(about) if is_event(about) else ""
    return Plan(what, NOTHING, holds=False) if what else None


def _of_a_deed(act: Act) -> Plan | None:
    """ "Alice wants to learn the piano", "Alice decided not to move to Oslo"."""
    if _is_getting_married(act):
        return Plan("wedding", _when(act), act.holds)
    aim = _aim(act)
    if aim is None:
        return None
    what = _named(aim)
    holds = act.holds and not is_denied(aim)
    return Plan(what, _when(act), holds=holds) if what else None


def _is_getting_married(act: Act) -> bool:
    """ "Is getting married", "will get married", "is marrying": yet to come."""
    verb, said = act.verb, {t.lower_ for t in act.children("acomp", "xcomp", "oprd", "ccomp")}
    if act.lemma != "marry" and not (act.lemma == "get" and "married" in said):
        return False
    before = [verb, *(t for t in verb.children if t.dep_ == "auxpass")]
    ahead = any(t.tag_ == "MD" for t in verb.children)
    return ahead or any(t.tag_ == "VBG" for t in before)


def _aim(act: Act) -> Token | None:
    head = act.clause.head
    if head is not act.verb:
        return None
    if any(t.lower_ in {"will", "'ll", "wo"} for t in act.clause.auxiliaries):
        return head if head.lemma_ not in {"be", "have"} else None
    if act.lemma in {"move", "relocate", *_TRAVELLING} and (_is_under_way(head) or _cannot(act)):
        return head
    past = is_past(head) and act.lemma != "decide"
    if act.lemma not in _PLANNING or past or (act.lemma == "go" and head.tag_ != "VBG"):
        return None
    return next((t for t in act.children("xcomp") if t.tag_ == "VB"), None)


def _cannot(act: Act) -> bool:
    """ "Alice can't go to Oslo after all"."""
    able = any(t.lower_ in {"can", "ca"} for t in act.clause.auxiliaries)
    return able and not act.holds and bool(_goals(act.verb))


def _is_under_way(head: Token) -> bool:
    """ "Alice is moving to Oslo"."""
    going_to = any(child.dep_ == "xcomp" for child in head.children)
    return head.tag_ == "VBG" and not going_to and not is_past(head) and bool(_goals(head))


def _thing(noun: Token) -> str:
    """The name of what is planned."""
    if noun.lemma_.lower() == "engagement":
        return "wedding"
    places = _destinations(noun)
    if places:
        return f"trip to {' '.join(_ordered(noun, places))}"
    words = [w for w in words_in_order(main_part(noun), dates=False) if w != "new"]
    if words and words[0] == "move":
        words = ["plan to", *words]
    return " ".join(words) if len(words) <= _MOST_WORDS else ""


def _destinations(noun: Token) -> frozenset[str]:
    """The places of "trip to Japan", "Japan trip"."""
    if noun.lemma_.lower() not in TRIPS:
        return NOTHING
    return names_in(noun.rights) or names_in(
        t for t in noun.lefts if t.dep_ in {"compound", "nmod"}
    )


def _named(aim: Token) -> str:
    places, verb = _goals(aim), aim.lemma_.lower()
    if verb in _TRAVELLING and places:
        return f"trip to {' '.join(_ordered(aim, places))}"
    if verb in {"have", "be", "do"}:
        return ""
    rights = (t for t in aim.rights if not is_after_all(t))
    said = [t for t in rights if t.dep_ in {"dobj", "prep", "advmod", "xcomp"}]
    words = [w for part in said for w in words_in_order(main_part(part), dates=False)]
    return " ".join(["plan to", verb, *words]) if words and len(words) < _MOST_WORDS else ""


def _goals(aim: Token) -> frozenset[str]:
    """The places that somebody goes to."""
    there = [t for link in aim.children if link.lower_ == "to" for t in link.children]
    goals = there + [t for t in aim.children if t.dep_ == "dobj" and aim.lemma_ == "visit"]
    return names_in(t for t in goals if t.ent_type_ != "PERSON")


def _ordered(head: Token, names: frozenset[str]) -> list[str]:
    return list(dict.fromkeys(t.lower_ for t in head.subtree if t.lower_ in names))


def _owner(noun: Token) -> str:
    owner = owner_of(noun)
    return "" if owner is None else owner_name(owner)


def _only_one(noun: Token) -> str:
    """Whose "the wedding" is; of "the team lunch" there is another next month."""
    return owner_unsaid(noun) if _event_of(noun).lemma_.lower() in _ONCE else ""


def _owner_for(act: Act, noun: Token) -> str:
    """As `_owner`; what somebody calls "Mum" is their mother."""
    owner = _owner(noun)
    return f"{act.subject}'s {owner}" if owner in _CALLED_SO else owner


def _dates_of(noun: Token) -> frozenset[str]:
    return frozenset(t.lower_ for t in noun.subtree if is_date(t) and t.pos_ in _DATING)


def _when(act: Act) -> frozenset[str]:
    dates = [t for t in act.clause.own if is_date(t) and t.pos_ in _DATING]
    return frozenset(t.lower_ for t in dates) or NOTHING
