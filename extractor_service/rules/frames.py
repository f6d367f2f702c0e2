"""What kind of statement a clause makes: one small function a frame, the first that fits wins.

Confidence is fixed by frame. It ranks how often a reader would agree that the sentence is a fact
worth keeping: a stated home, job or preference 0.9, other states 0.85, dated events 0.85, undated
ones 0.75, the sum, day or state of a thing 0.75, plans 0.7, habits 0.7, what some thing did for the
speaker or was shown to the listener 0.6, and a remark that fits no frame but says enough 0.5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from spacy.tokens import Token

from extractor_service.domain import MemoryType
from extractor_service.rules.affairs import is_affair, is_known
from extractor_service.rules.called_off import called_off, deed, is_definite, put_off
from extractor_service.rules.clauses import Clause
from extractor_service.rules.moves import moves_oneself
from extractor_service.rules.past_forms import is_habitual
from extractor_service.rules.speaker import SECOND_PERSON
from extractor_service.rules.subjects import About, is_pointed_at, stays_away
from extractor_service.rules.substance import has_substance
from extractor_service.rules.tense import is_past, is_present_perfect
from extractor_service.rules.words import word_set

_LASTING = frozenset(
    {*"preference home move work identity possession appointment affair".split(), "called off"}
)
SEMANTIC, EPISODIC = MemoryType.SEMANTIC, MemoryType.EPISODIC


@dataclass(frozen=True, slots=True)
class Frame:
    """The kind of statement: its name, type, fixed confidence, and the topic it implies."""

    name: str
    type: MemoryType
    confidence: float
    topic: str

    @property
    def lasting(self) -> bool:
        """Whether a later statement may take the place of this one: it stands in no other."""
        return self.name in _LASTING


CALLED_OFF = Frame("called off", MemoryType.SEMANTIC, 0.8, "plans")
REMARK = Frame("remark", MemoryType.SEMANTIC, 0.5, "personal")
SHOWN = Frame("shown", MemoryType.EPISODIC, 0.6, "events")


@dataclass(frozen=True, slots=True)
class Statement:
    """A clause with what a frame needs to know of its surroundings."""

    clause: Clause
    about: About
    dated: bool

    @property
    def lemma(self) -> str:
        """The clause's verb in its base form."""
        return self.clause.head.lemma_.lower()

    @property
    def past(self) -> bool:
        """Whether it tells of the past, the present perfect included."""
        return is_past(self.clause.head)


_LIKING = word_set("like love prefer hate enjoy adore dislike despise loathe favor favour")
_LIVING = word_set("live reside stay bear grow relocate")
_MOVING = word_set("move relocate settle")
_WORKING = word_set("work teach study train volunteer intern freelance")
_OWNING = word_set("have own keep possess adopt")
_PLANNING = word_set(
    "plan want hope intend aim decide need arrange schedule book wish aspire dream"
)
_GIVING = word_set(
    "make help give inspire teach mean bring let keep remind change save allow motivate "
    "support encourage show provide"
)
_TURNING = word_set("marry remarry divorce retire graduate engage separate resign widow fire")
_BEFALLING = word_set("promote demote hire evict diagnose arrest deport approve reject deny rob")
_BEFALLING_THINGS = word_set("steal break hack approve reject deny")
_STATES = word_set("be have own like love hate prefer want need know live work belong")


def frame_of(statement: Statement) -> Frame | None:
    """The first frame that fits; None for a clause of too little substance or on nobody here."""
    if (off := _called_off(statement)) is not None:
        return off
    if (affair := _affair(statement)) is not None:
        return affair
    tells = statement.dated or _goes_on(statement) or has_substance(statement.clause)
    tells = tells or is_habitual(statement.clause.head) or _matters(statement)
    if not tells or is_pointed_at(statement.clause.subject):
        return None
    if statement.about is About.OTHER:
        return _appointment(statement) or _effect_on_speaker(statement)
    if statement.about is About.LISTENER:
        frames: tuple[_Maker, ...] = (_home, _work)
    else:
        frames = _FRAMES
    return next((found for make in frames if (found := make(statement)) is not None), None)


# --- the frames --------------------------------------------------------------------------------


def _preference(statement: Statement) -> Frame | None:
    if statement.lemma in _LIKING or (statement.lemma == "be" and _names_favourite(statement)):
        return _state("preference", 0.9, "preferences", statement)
    return None


def _names_favourite(statement: Statement) -> bool:
    near = statement.clause.children("nsubj", "attr")
    return any(t.lower_ in {"favorite", "favourite"} for part in near for t in part.children)


def _home(statement: Statement) -> Frame | None:
    if statement.lemma in _MOVING and statement.past and moves_oneself(statement.clause.head):
        return Frame("move", EPISODIC, 0.9, "home")
    if statement.lemma in _LIVING and statement.clause.children("prep", "prt", "advmod"):
        return _state("home", 0.9, "home", statement)
    return None


def _work(statement: Statement) -> Frame | None:
    if statement.lemma in _WORKING and not (statement.past and statement.dated):
        topic = "education" if statement.lemma in {"study", "train"} else "work"
        return _state("work", 0.9, topic, statement)
    return None


def _identity(statement: Statement) -> Frame | None:
    if statement.lemma == "be" or (statement.lemma in {"become", "remain"}):
        return _state("identity", 0.85, "personal", statement)
    return None


def _possession(statement: Statement) -> Frame | None:
    got = statement.lemma == "get" and "have" in {t.lemma_ for t in statement.clause.auxiliaries}
    owning = statement.lemma in _OWNING and not statement.past
    things = (t for t in statement.clause.children("dobj") if t.pos_ != "PRON")
    if (owning or got) and any(things):
        kind = EPISODIC if statement.dated else SEMANTIC
        return Frame("possession", kind, 0.85, "possessions")
    return None


def _plan(statement: Statement) -> Frame | None:
    if statement.past or not _looks_ahead(statement):
        return None
    return Frame("plan", EPISODIC if statement.dated else SEMANTIC, 0.7, "plans")


def _looks_ahead(statement: Statement) -> bool:
    head = statement.clause.head
    if any(t.lower_ in {"will", "'ll", "wo", "must"} for t in statement.clause.auxiliaries):
        return True
    going = statement.lemma == "go" and head.tag_ == "VBG" and _verb_complement(head) is not None
    progressive_with_date = head.tag_ == "VBG" and statement.dated
    return going or progressive_with_date or statement.lemma in _PLANNING


def _event(statement: Statement) -> Frame | None:
    if not statement.past:
        return None
    if _goes_on(statement):
        return Frame("habit", SEMANTIC, 0.7, "habits")
    if statement.dated:
        return Frame("event", EPISODIC, 0.85, "events")
    kind = SEMANTIC if statement.lemma in _STATES or statement.lemma == "use" else EPISODIC
    return Frame("event", kind, 0.75, "events")


def _goes_on(statement: Statement) -> bool:
    """ "I've been learning Spanish", "I haven't smoked since May": begun in the past, true now."""
    if not is_present_perfect(statement.clause.head):
        return False
    lasting = any(t.lower_ in {"since", "always", "never"} for t in statement.clause.own)
    return lasting or statement.clause.head.tag_ == "VBG"


def _habit(statement: Statement) -> Frame | None:
    return Frame("habit", EPISODIC if statement.dated else SEMANTIC, 0.7, "habits")


def _matters(statement: Statement) -> bool:
    """ "Music means a lot to me", and not "your help means a lot to me"; "we got married"."""
    if statement.lemma in _TURNING or _is_death(statement):
        return True
    if _befalls(statement) or _is_missed(statement):
        return True
    if statement.lemma == "eat":
        return any(t.lower_ == "everything" for t in statement.clause.children("dobj"))
    said = {token.lower_ for token in statement.clause.own}
    noun = statement.clause.subject is not None and statement.clause.subject.pos_ == "NOUN"
    return statement.lemma == "mean" and noun and "me" in said and not said & SECOND_PERSON


def _befalls(statement: Statement) -> bool:
    """ "I got promoted", "my laptop was stolen", and not "I was broken"."""
    thing = statement.about is About.OWN_THING
    lemmas = _BEFALLING_THINGS if thing else _BEFALLING
    return statement.lemma in lemmas and bool(statement.clause.children("auxpass"))


def _is_missed(statement: Statement) -> bool:
    """ "Our band can't come", and not "I can't come", which answers."""
    others = statement.about in {About.OWN_THING, About.PERSON}
    return others and stays_away(statement.clause)


def _is_death(statement: Statement) -> bool:
    """ "My dog died", "Emma passed away", and not "my phone died"."""
    away = any(t.lower_ == "away" for t in statement.clause.children("advmod", "prt"))
    died = statement.lemma == "die" or (statement.lemma == "pass" and away)
    return died and statement.past and statement.about is About.PERSON


def _called_off(statement: Statement) -> Frame | None:
    """ "The trip to Japan is cancelled", "we called off the wedding"."""
    verb = deed(statement.clause.head)
    thing = called_off(verb) or put_off(verb)
    if thing is None or statement.about is About.LISTENER:
        return None
    if statement.about is About.OTHER and not is_definite(thing):
        return None
    return replace(CALLED_OFF, type=EPISODIC) if statement.dated else CALLED_OFF


def _appointment(statement: Statement) -> Frame | None:
    """ "The meeting is on Friday", and not "yesterday's match was on TV"."""
    subject, clause = statement.clause.subject, statement.clause
    if not statement.dated or statement.lemma != "be" or subject is None:
        return None
    if any(t.ent_type_ == "DATE" for t in subject.lefts):
        return None
    if not is_known(subject) or not clause.children("prep") or clause.children("acomp", "attr"):
        return None
    return Frame("appointment", EPISODIC, 0.8, "schedule")


def _affair(statement: Statement) -> Frame | None:
    """ "The budget is 20,000 euros", "the deadline is 17 April"."""
    of_a_thing = statement.about is About.OTHER and not is_pointed_at(statement.clause.subject)
    if not of_a_thing or not is_affair(statement.clause, dated=statement.dated):
        return None
    topic = "schedule" if statement.dated else "plans"
    return Frame("affair", EPISODIC if statement.dated else SEMANTIC, 0.75, topic)


def _effect_on_speaker(statement: Statement) -> Frame | None:
    """ "The support group has made me feel accepted"."""
    touched = any(t.lower_ in {"me", "my", "us", "our"} for t in statement.clause.own)
    if not touched or statement.lemma not in _GIVING | {"be"}:
        return None
    kind = EPISODIC if statement.past and statement.dated else SEMANTIC
    return Frame("effect", kind, 0.6, "personal")


def _state(name: str, confidence: float, topic: str, statement: Statement) -> Frame:
    """A state holds until changed, unless it was over by a date."""
    over = statement.past and statement.dated
    return Frame(name, EPISODIC if over else SEMANTIC, confidence, topic)


def _verb_complement(head: Token) -> Token | None:
    return next((child for child in head.children if child.dep_ == "xcomp"), None)


_Maker = Callable[[Statement], Frame | None]
_FRAMES: tuple[_Maker, ...] = (
    _preference, _home, _work, _identity, _possession, _plan, _event, _habit,
)  # fmt: skip
