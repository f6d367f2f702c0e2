"""Where somebody lives, and what they work as and where."""

from __future__ import annotations

from collections.abc import Iterator

from spacy.tokens import Token

from extractor_service.reading import NOTHING, Claim
from extractor_service.rules.acts import (
    Act,
    main_part,
    names_in,
    values,
    words_in_order,
)
from extractor_service.rules.claims import claim, is_done
from extractor_service.rules.moves import is_product, moves_oneself, names_of_places
from extractor_service.rules.pastimes import GAMES
from extractor_service.rules.words import word_set

_LIVING = word_set("live reside base locate")
_MOVING = word_set("move relocate settle")
_DWELLINGS = word_set("house flat apartment bungalow cottage studio houseboat caravan farm villa")
_JOBS = word_set("job position role post gig internship career")
_TAKING = word_set("start get begin take land accept have find hold")
_LEAVING = word_set("quit leave lose resign")
_DISMISSING = word_set("fire dismiss lay sack")
_SCHOOLS = word_set(
    "university college school academy institute oxford cambridge harvard yale stanford eton"
)
_CHANGING_TEAM = word_set("move switch transfer change")
# One may well be on some of these beside one's team at work.
_OF_PLAYERS = GAMES | word_set(
    "debate debating quiz pub swim swimming track rowing relay national dance cheer fencing ski "
    "handball lacrosse netball baseball softball polo racing bowling darts esports trivia"
)
# What one may be somewhere beside one's work, or without any.
_UNPAID = word_set("student retiree freelancer coach musician singer dancer artist author")
_PROFESSIONS = word_set(
    "accountant actor actress analyst architect artist assistant astronomer athlete attorney "
    "author baker banker barber barista bartender biologist bookkeeper builder butcher caretaker "
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
WORKERS = _PROFESSIONS - word_set("model server")
"""Professions that are said of nobody but people."""


def home(act: Act) -> Claim | None:
    """ "Alice lives in Paris", "Alice moved to Berlin"; a house is another slot than a town."""
    lives = act.lemma in _LIVING and act.present
    moved = act.lemma in _MOVING and act.clause.head is act.verb and is_done(act)
    if not (lives or moved) or (moved and not _moves_somewhere(act)):
        return None
    where: tuple[str, ...] = ("in", "at", "near", "on", "outside", "to", "into")
    where = where if lives else where[-2:] + ("in",) * (act.lemma == "settle")
    places = act.placed(*where)
    names = names_of_places(places) if moved else names_in(places)
    names, kinds = names | _spelled_as_names(act, where), values(places)
    if moved and not names and (left := names_in(_left_behind(act))):
        return claim(act, "home", left, holds=False)
    if names:
        return claim(act, "home", names)
    return claim(act, "dwelling", kinds) if kinds & _DWELLINGS else None


def _moves_somewhere(act: Act) -> bool:
    """ "Moved to Berlin", and neither "moved the data to Berlin" nor "moved to Linux"."""
    ends = act.placed("from", "to", "into", "in")
    return moves_oneself(act.verb) and not any(is_product(end) for end in ends)


def _spelled_as_names(act: Act, links: tuple[str, ...]) -> frozenset[str]:
    """The Hibbing of "moved to Hibbing", which the model takes for a verb."""
    behind = (t for link in act.verb.children if link.lower_ in links for t in link.children)
    doing = (t for t in behind if t.dep_ == "pcomp" and t.tag_ == "VBG" and t.is_title)
    return frozenset(t.lower_ for t in doing)


def _left_behind(act: Act) -> list[Token]:
    """ "Alice moved out of Paris", "Alice moved away from Paris"."""
    ways = [t for t in act.verb.children if t.lower_ in {"out", "away", "from"}]
    links = [*ways, *(t for way in ways for t in way.children if t.lower_ in {"of", "from"})]
    return [t for link in links for t in link.children if t.dep_ == "pobj"]


def work(act: Act) -> Claim | None:
    """ "Alice works at Acme", "Alice works as a nurse", "Alice quit her job at Acme"."""
    things = [t for t in act.children("dobj") if t.lemma_.lower() in _JOBS]
    takes = act.lemma in _TAKING and bool(things)
    if (act.lemma == "work" and act.present) or (takes and (act.present or is_done(act))):
        return _employment(act)
    if act.lemma in _DISMISSING and act.verb.tag_ == "VBN" and is_done(act):
        return _employment(act, over=True)
    if act.lemma in _LEAVING and is_done(act):
        return _employment(act, over=True) if things else _left(act)
    return _started(act)


def job(act: Act) -> Claim | None:
    """ "Emma is a nurse", "Alice became a nurse", "Alice retired"."""
    done = is_done(act)
    if act.lemma == "retire" and done:
        return claim(act, "job", {"retired"})
    said = frozenset(t.lemma_.lower() for o in act.objects() for t in _heads(o)) & _PROFESSIONS
    so = (act.lemma == "be" and act.present) or (act.lemma == "become" and done)
    if not said or not so:
        return None
    # Whoever is an engineer at Acme works at Acme as an engineer, which has one slot.
    employers = NOTHING if said & _UNPAID else names_in(act.placed("at", "for", "with"))
    return claim(act, "employer", said | employers) if employers else claim(act, "job", said)


def _employment(act: Act, *, over: bool = False) -> Claim | None:
    employers = act.placed("at", "for", "with", *(("from", "by") if over else ()))
    names, title = names_in(employers), values(act.placed("as"))
    holds = act.holds and not over
    if names:
        return claim(act, "employer", names | title, holds=holds)
    return claim(act, "job", title, holds=holds) if title else None


def _started(act: Act) -> Claim | None:
    """ "Alice started at Acme on Monday", and not at a school."""
    begun = act.lemma in {"start", "begin"} and is_done(act) and act.holds
    firms = names_in(act.placed("at"))
    if not begun or act.objects() or not firms or firms & _SCHOOLS:
        return None
    return claim(act, "employer", firms)


def team(act: Act) -> Claim | None:
    """ "Alice is on the billing team", "Alice moved to the platform team"."""
    stays, goes = act.lemma in {"be", "work"} and act.present, is_done(act) and act.holds
    links = ("on", "in") if stays else ("to",) if goes and act.lemma in _CHANGING_TEAM else ()
    joined = act.children("dobj") if goes and act.lemma == "join" else []
    teams = [t for t in (*joined, *act.placed(*links)) if t.lower_ == "team"]
    words = [w for t in teams for w in words_in_order(main_part(t), dates=False)]
    words = [word for word in words if word not in {"team", "new"}]
    if len(teams) != 1 or not words or set(words) & _OF_PLAYERS:
        return None
    return claim(act, "team", frozenset(words))


def _left(act: Act) -> Claim | None:
    """ "Alice left Acme": what is no person or place for the model may be a company."""
    named = [t for t in act.children("dobj") if t.pos_ == "PROPN"]
    known = {"PERSON", "GPE", "LOC"} if act.lemma == "leave" else set()
    firms = [t for t in named if t.ent_type_ not in known]
    return claim(act, "employer", names_in(firms), holds=False) if firms else None


def _heads(noun: Token) -> Iterator[Token]:
    yield noun
    for child in noun.children:
        if child.dep_ == "conj":
            yield from _heads(child)
