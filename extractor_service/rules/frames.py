"""What kind of statement a clause makes: one small function a frame, the first that fits wins.

Confidence is fixed by frame. It ranks how often a reader would agree that the sentence is a fact
worth keeping: a stated home, job or preference 0.9, other states 0.85, dated events 0.85, undated
ones 0.75, plans 0.7, habits 0.7, and what some thing did for the speaker 0.6.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from spacy.tokens import Token

from extractor_service.domain import MemoryType
from extractor_service.rules.clauses import Clause
from extractor_service.rules.date_rules import WEEKDAYS
from extractor_service.rules.people import RELATIONS, THIRD_PERSON, Mention
from extractor_service.rules.speaker import FIRST_PERSON, SECOND_PERSON, Participants
from extractor_service.rules.tense import is_past, is_present_perfect
from extractor_service.rules.words import word_set

SEMANTIC, EPISODIC = MemoryType.SEMANTIC, MemoryType.EPISODIC


class About(enum.Enum):
    """Whom a clause is about, by its subject."""

    SPEAKER = enum.auto()
    LISTENER = enum.auto()
    PERSON = enum.auto()
    OWN_THING = enum.auto()
    OTHER = enum.auto()


@dataclass(frozen=True, slots=True)
class Frame:
    """The kind of statement: its name, type, fixed confidence, and the topic it implies."""

    name: str
    type: MemoryType
    confidence: float
    topic: str


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
_STATES = word_set("be have own like love hate prefer want need know live work belong")
_EMPTY = word_set(
    "lot bit thing way time stuff kind one something anything everything nothing day moment it "
    "that this minute sec while much more most fun sense blast difference best help question idea "
    "get do go be have make say keep know hear see tell talk chat"
)
_CORE = frozenset({"dobj", "attr", "acomp"})
_CONTENT = frozenset({"NOUN", "PROPN", "NUM", "ADJ", "VERB"})


def frame_of(statement: Statement) -> Frame | None:
    """The first frame that fits; None for a clause of too little substance or on nobody here."""
    tells = statement.dated or _goes_on(statement) or _has_substance(statement.clause)
    if not tells or _is_pointed_at(statement.clause.subject):
        return None
    if statement.about is About.OTHER:
        return _effect_on_speaker(statement)
    if statement.about is About.LISTENER:
        frames: tuple[_Maker, ...] = (_home, _work)
    else:
        frames = _FRAMES
    return next((found for make in frames if (found := make(statement)) is not None), None)


def about(clause: Clause, who: Participants, people: tuple[Mention, ...]) -> About:
    """Whom the clause is about; a clause without a subject is about its speaker."""
    subject = clause.subject
    if subject is None:
        return About.SPEAKER
    said = {subject.lower_} | {t.lower_ for t in subject.children if t.dep_ == "conj"}
    if said & FIRST_PERSON:
        return About.SPEAKER
    if said & SECOND_PERSON:
        return About.LISTENER
    if said & THIRD_PERSON or _is_person(subject, who, people):
        return About.PERSON
    owners = {t.lower_ for t in subject.subtree if t.dep_ == "poss"}
    return About.OWN_THING if owners & FIRST_PERSON else About.OTHER


def _is_person(subject: Token, who: Participants, people: tuple[Mention, ...]) -> bool:
    related = subject.lemma_.lower() in RELATIONS and any(t.dep_ == "poss" for t in subject.lefts)
    known = related or any(mention.start == subject.i for mention in people)
    return known or (subject.pos_ == "PROPN" and who.includes(subject.text))


def _is_pointed_at(subject: Token | None) -> bool:
    """ "This picture", "those moments": known to those who were there."""
    pointers = {"this", "that", "these", "those"}
    return subject is not None and any(t.lower_ in pointers for t in subject.lefts)


def _has_substance(clause: Clause) -> bool:
    """Something beside the verb and its subject: an object, a place, a quality, a name."""
    subject = set(clause.subject.subtree) if clause.subject is not None else set()
    rest = (t for t in clause.own if t != clause.head and t not in subject)
    return any(
        t.pos_ in _CONTENT
        and t.lemma_.lower() not in _EMPTY
        and t.dep_ not in {"intj", "aux"}
        and (t.ent_type_ not in {"DATE", "TIME"} or _is_core(t, clause) or t.lower_ in WEEKDAYS)
        and not (
            t.dep_ in {"amod", "nummod"}
            and t.head.pos_ == "NOUN"
            and t.head.lemma_.lower() in _EMPTY
        )
        for t in rest
    )


def _is_core(token: Token, clause: Clause) -> bool:
    """What the verb says of its subject: "is on 12 June", "is 32 years old"."""
    return token.dep_ in _CORE or (
        clause.head.lemma_ == "be" and token.head in clause.children("prep")
    )


# --- the frames --------------------------------------------------------------------------------


def _preference(statement: Statement) -> Frame | None:
    if statement.lemma in _LIKING or (statement.lemma == "be" and _names_favourite(statement)):
        return _state("preference", 0.9, "preferences", statement)
    return None


def _names_favourite(statement: Statement) -> bool:
    near = statement.clause.children("nsubj", "attr")
    return any(t.lower_ in {"favorite", "favourite"} for part in near for t in part.children)


def _home(statement: Statement) -> Frame | None:
    if statement.lemma in _MOVING and statement.past:
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
    if (owning or got) and statement.clause.children("dobj"):
        kind = EPISODIC if statement.dated else SEMANTIC
        return Frame("possession", kind, 0.85, "possessions")
    return None


def _plan(statement: Statement) -> Frame | None:
    if statement.past or not _looks_ahead(statement):
        return None
    return Frame("plan", EPISODIC if statement.dated else SEMANTIC, 0.7, "plans")


def _looks_ahead(statement: Statement) -> bool:
    head = statement.clause.head
    if any(t.lower_ in {"will", "'ll", "wo"} for t in statement.clause.auxiliaries):
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
