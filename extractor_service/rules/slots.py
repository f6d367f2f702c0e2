"""Which facts take each other's place: one small function a slot, the first that fits wins.

A slot is whom a fact is about and what of them: "alice|home", "emma|employer", "alice|diet",
"alice|relationship", "alice|name", "alice|age", "alice|favourite colour", "alice|trip to paris" (a
plan), "alice|play tennis" (what somebody does, has, likes or is, or no longer). Facts of which two
may well be true, such as what somebody did or whom they know, have none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from spacy.tokens import Token

from extractor_service.reading import NOTHING, Claim
from extractor_service.rules.acts import (
    Act,
    act_of,
    is_date,
    main_part,
    names_in,
    owner_name,
    owner_of,
    telling,
    values,
    words_in_order,
)
from extractor_service.rules.clauses import Clause
from extractor_service.rules.filters import states_nothing
from extractor_service.rules.people import RELATIONS
from extractor_service.rules.plans import plan
from extractor_service.rules.tense import is_past, is_present_perfect
from extractor_service.rules.words import word_set

MAX_SLOT_CHARS = 128
_MOST_WORDS = 6

_LIVING = word_set("live reside base locate")
_MOVING = word_set("move relocate settle")
_DWELLINGS = word_set("house flat apartment bungalow cottage studio houseboat caravan farm villa")
_JOBS = word_set("job position role post gig internship career")
_TAKING = word_set("start get begin take land accept have find hold")
_LEAVING = word_set("quit leave lose resign")
_PROFESSIONS = word_set(
    "accountant actor actress analyst architect artist assistant astronomer athlete attorney author "
    "baker banker barber barista bartender biologist bookkeeper builder butcher caretaker "
    "carpenter cashier chef chemist cleaner clerk coach composer consultant cook counselor "
    "counsellor dancer dentist designer developer dietitian diplomat director doctor driver "
    "economist editor electrician engineer entrepreneur farmer firefighter fisherman florist "
    "freelancer gardener geologist hairdresser historian illustrator instructor interpreter "
    "janitor jeweller jeweler journalist judge lawyer lecturer librarian lifeguard manager mason "
    "mechanic midwife miner model musician nanny novelist nurse nutritionist officer optician "
    "painter paramedic pharmacist photographer physicist physiotherapist pilot plumber poet "
    "policeman politician postman potter principal producer professor programmer psychiatrist "
    "psychologist realtor receptionist reporter researcher retiree sailor salesman salesperson "
    "scientist sculptor seamstress secretary server singer soldier solicitor statistician "
    "steward student surgeon surveyor tailor teacher technician therapist trader trainer "
    "translator tutor vet veterinarian videographer waiter waitress welder writer zoologist"
)
_DIETS = word_set(
    "vegan vegetarian pescatarian pescetarian flexitarian omnivore carnivore keto paleo halal "
    "kosher veggie"
)
_STATUSES = word_set("married single divorced engaged widowed separated unmarried")
_PAIRING = word_set("marry divorce engage separate")
_NAMING = word_set("call name spell write pronounce")
_SEVERAL = word_set(
    "sister brother friend cousin child kid son daughter colleague coworker neighbor neighbour "
    "aunt uncle niece nephew roommate teammate dog cat puppy kitten horse rabbit hamster parrot "
    "pup pet teacher grandson granddaughter sibling guy man woman boy girl lady"
)
_SINGULAR = word_set("birthday address hometown email nationality surname nickname username")
_LIKING = {
    "hat": False,  # what the model makes of "hates"
    "love": True, "like": True, "enjoy": True, "adore": True, "hate": False, "dislike": False,
    "loathe": False, "despise": False, "detest": False,
}  # fmt: skip
_PARTING = word_set("sell lose donate")


def claim_of(clause: Clause) -> Claim | None:
    """What a clause claims; None where it claims nothing that only one fact can say."""
    act = None if states_nothing(clause) else act_of(clause)
    if act is None:
        return None
    found = next((claim for make in _SLOTS if (claim := make(act)) is not None), None)
    return found if found is not None and len(found.slot) <= MAX_SLOT_CHARS else None


# --- the slots ---------------------------------------------------------------------------------


def _name(act: Act) -> Claim | None:
    """ "Alice's name is spelt Katharine", "her husband is called Tom", "her boss is Ann"."""
    subject, value = act.clause.subject, names_in(act.objects())
    if subject is None or not value:
        return None
    owner = owner_of(subject)
    if subject.lemma_ == "name" and owner is not None and act.lemma in {"be", *_NAMING}:
        return _named(act, owner_name(owner), owner, value)
    person = subject.lemma_.lower() in RELATIONS and owner is not None
    if act.lemma in {"call", "name"} and act.verb.tag_ == "VBN":
        return _named(act, act.subject, subject, value)
    return _named(act, act.subject, subject, value) if person and act.lemma == "be" else None


def _named(act: Act, whose: str, bearer: Token, value: frozenset[str]) -> Claim:
    one = bearer.lemma_.lower() not in _SEVERAL
    return _claim(act, "name", value, subject=whose, exclusive=one)


def _age(act: Act) -> Claim | None:
    """ "Alice is 33"."""
    if act.lemma not in {"be", "turn"} or (act.lemma == "be" and not act.present):
        return None
    said = [t for o in (*act.objects(), *act.children("npadvmod")) for t in main_part(o)]
    numbers = frozenset(t.lower_ for t in said if t.like_num and len(t.text) < 4)
    years = {t.lemma_.lower() for t in said if t.pos_ != "NUM" and t.dep_ not in {"punct", "prep", "neg"}}
    aged = years <= {"year", "old", "-", "age"} and len(numbers) == 1
    return _claim(act, "age", numbers) if aged else None


def _favourite(act: Act) -> Claim | None:
    """ "Alice's favourite colour is blue", "blue is Alice's favourite colour"."""
    if act.lemma != "be" or not act.present or act.clause.subject is None:
        return None
    sides = [act.clause.subject, *act.objects()]
    best = next((side for side in sides if _is_favourite(side)), None)
    owner = None if best is None else owner_of(best)
    if best is None or owner is None:
        return None
    kind = [w for w in words_in_order(main_part(best)) if w not in {"favorite", "favourite"}]
    attribute = f"favourite {_british(' '.join(kind[:3]))}".strip()
    value = values(side for side in sides if side is not best)
    return _claim(act, attribute, value, subject=owner_name(owner)) if value else None


def _is_favourite(side: Token) -> bool:
    return any(t.lower_ in {"favorite", "favourite"} for t in (side, *side.children))


def _british(words: str) -> str:
    return words.replace("color", "colour").replace("flavor", "flavour")


def _singular(act: Act) -> Claim | None:
    """ "Alice's birthday is on 3 May"."""
    subject = act.clause.subject
    if act.lemma != "be" or not act.present or subject is None or subject.lemma_ not in _SINGULAR:
        return None
    owner = owner_of(subject)
    said = (*act.objects(), *act.children("prep", "npadvmod", "advmod"))
    value = frozenset(t.lower_ for o in said for t in main_part(o) if t.pos_ in {"PROPN", "NUM"})
    if owner is None or not (value or values(said)):
        return None
    return _claim(act, subject.lemma_.lower(), value or values(said), subject=owner_name(owner))


def _diet(act: Act) -> Claim | None:
    """ "Alice is vegan", "Alice follows a keto diet"."""
    said = (values(act.objects()) | {act.lemma}) & _DIETS
    become = act.lemma in {"become", "turn", "go"}
    if act.lemma in {"be", "follow", "eat", *said} and act.present or become and not act.verb.tag_ == "VB":
        return _claim(act, "diet", said) if said else None
    return None


def _relationship(act: Act) -> Claim | None:
    """ "Alice is married to Tom", "Alice got divorced", "Alice broke up with Tom"."""
    with_whom = names_in([*act.placed("to", "with", "from"), *_people_among(act)])
    passive = act.verb.tag_ == "VBN" or is_past(act.verb)
    if act.lemma in _PAIRING and passive and act.present | is_past(act.verb):
        return _claim(act, "relationship", {_status(act.lemma)} | with_whom)
    status = frozenset(t.lower_ for o in act.objects() for t in main_part(o)) & _STATUSES
    if act.lemma in {"be", "get", "become"} and status and (act.present or act.lemma != "be"):
        return _claim(act, "relationship", status | with_whom)
    if act.lemma == "break" and any(t.lower_ == "up" for t in act.verb.children) and with_whom:
        return _claim(act, "relationship", {"single"})
    if act.lemma == "date" and act.present and with_whom:
        return _claim(act, "relationship", {"dating"} | with_whom)
    return None


def _people_among(act: Act) -> list[Token]:
    return [t for t in act.objects() if t.pos_ == "PROPN"]


def _status(lemma: str) -> str:
    return {"marry": "married", "divorce": "divorced", "engage": "engaged"}.get(lemma, "separated")


def _home(act: Act) -> Claim | None:
    """ "Alice lives in Paris", "Alice moved to Berlin"; a house is another slot than a town."""
    lives = act.lemma in _LIVING and act.present
    moved = act.lemma in _MOVING and act.clause.head is act.verb and _is_done(act)
    if not lives and not moved:
        return None
    where = ("in", "at", "near", "on", "outside", "to", "into")
    places = act.placed(*(where if lives else where[-2:] + ("in",) * (act.lemma == "settle")))
    names, kinds = names_in(places), values(places)
    if names:
        return _claim(act, "home", names)
    return _claim(act, "dwelling", kinds) if kinds & _DWELLINGS else None


def _job(act: Act) -> Claim | None:
    """ "Alice works at Acme", "Alice works as a nurse", "Emma is a nurse", "she quit her job"."""
    if act.lemma == "work" and act.present:
        return _employment(act)
    things = [t for t in act.children("dobj") if t.lemma_.lower() in _JOBS]
    if things and act.lemma in _TAKING and (act.present or _is_done(act)):
        return _employment(act)
    if things and act.lemma in _LEAVING and _is_done(act):
        return _employment(act, over=True)
    if act.lemma == "leave" and _is_done(act):
        return _left(act)
    said = frozenset(t.lemma_.lower() for o in act.objects() for t in _heads(o)) & _PROFESSIONS
    if act.lemma == "be" and act.present or act.lemma == "become" and _is_done(act):
        return _claim(act, "job", said) if said else None
    if act.lemma == "retire" and _is_done(act):
        return _claim(act, "job", {"retired"})
    return None


def _employment(act: Act, *, over: bool = False) -> Claim | None:
    employers = act.placed("at", "for", "with")
    names, title = names_in(employers), values(act.placed("as"))
    holds = act.holds and not over
    if names:
        return _claim(act, "employer", names | title, holds=holds)
    return _claim(act, "job", title, holds=holds) if title else None


def _left(act: Act) -> Claim | None:
    """ "Alice left Acme": what is no person or place for the model may be a company."""
    named = [t for t in act.children("dobj") if t.pos_ == "PROPN"]
    firms = [t for t in named if t.ent_type_ not in {"PERSON", "GPE", "LOC"}]
    return _claim(act, "employer", names_in(firms), holds=False) if firms else None


def _heads(noun: Token) -> Iterator[Token]:
    yield noun
    for child in noun.children:
        if child.dep_ == "conj":
            yield from _heads(child)


def _plan(act: Act) -> Claim | None:
    found = plan(act)
    if found is None:
        return None
    whose = found.owner or act.subject
    return _claim(
        act, found.what, found.when, subject=whose, holds=found.holds, shifts=found.postponed
    )


def _switch(act: Act) -> Claim | None:
    """What one does, has, likes or is, or no longer: "plays tennis", "is allergic to nuts"."""
    if act.lemma in _PARTING and _is_done(act):
        return _thing(act, "have", holds=False, things=act.children("dobj"))
    if not act.present or is_present_perfect(act.clause.head) and act.holds:
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
    return _claim(act, " ".join([verb, *words]), NOTHING, holds=holds, exclusive=False)


# --- what they share ---------------------------------------------------------------------------


def _claim(
    act: Act,
    attribute: str,
    value: frozenset[str] | set[str],
    *,
    subject: str = "",
    holds: bool | None = None,
    exclusive: bool = True,
    shifts: bool = False,
) -> Claim:
    return Claim(
        slot=f"{subject or act.subject}|{attribute}",
        value=frozenset(value) - act.replaced,
        holds=act.holds if holds is None else holds,
        exclusive=exclusive,
        replaced=act.replaced,
        shifts=shifts,
        happened=_is_done(act) and not is_present_perfect(act.clause.head),
    )


def _is_done(act: Act) -> bool:
    return is_past(act.clause.head)


def _is_time(link: Token) -> bool:
    return link.lower_ in {"since", "until", "till"} or any(is_date(t) for t in link.children)


_Maker = Callable[[Act], Claim | None]
_SLOTS: tuple[_Maker, ...] = (
    _name, _age, _favourite, _singular, _diet, _relationship, _plan, _home, _job, _switch,
)  # fmt: skip
