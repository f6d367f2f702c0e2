"""What the assistant says that it did for the user: "I've booked you a table for Friday at 8".

Only what is done counts, and only what it says of itself in the active voice, or of what it has
arranged ("Your table is booked"). Neither offers, questions and what it is going to do, nor what it
found, recommends or explains, nor texts that it wrote: these stand in the message itself, and
whatever the user accepts of them the user says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from spacy.tokens import Doc, Token

from extractor_service.domain import UNNAMED, Finding, MemoryType
from extractor_service.rules.acts import is_denied
from extractor_service.rules.clauses import Clause, clauses
from extractor_service.rules.clock import bare_hour
from extractor_service.rules.entities import entities
from extractor_service.rules.filters import is_question, states_nothing
from extractor_service.rules.findings import SURENESS_OF_A_GUESS, source_of
from extractor_service.rules.frames import Frame
from extractor_service.rules.pronouns import Around, UnresolvedError
from extractor_service.rules.rewrite import phrase, third_person
from extractor_service.rules.speaker import ASSISTANT, FIRST_PERSON, SECOND_PERSON
from extractor_service.rules.surface import finished
from extractor_service.rules.surroundings import Surroundings
from extractor_service.rules.tense import is_past
from extractor_service.rules.timing import dates_of, event_time
from extractor_service.rules.topics import topics
from extractor_service.rules.words import word_set

_DEED = Frame("deed", MemoryType.EPISODIC, 0.8, "events")
_DOING = word_set(
    "book reserve order buy purchase pay send email schedule reschedule arrange cancel add remove "
    "set create save update change register submit file renew transfer confirm place rent hire "
    "invite notify contact subscribe unsubscribe upgrade refund return post upload activate enable "
    "disable block move postpone extend redeem delete forward share switch turn log record"
)
_ARRANGING = word_set("book reserve order schedule reschedule arrange")
_MADE = word_set("reservation booking appointment payment order donation transfer call")
# What is written stands in the conversation.
_WRITTEN = word_set(
    "idea tip suggestion option example explanation answer summary outline draft code poem story "
    "recipe response information detail link overview version recommendation context section "
    "sentence paragraph step comment function point list table-of-contents text"
)
_LONGEST = 400
_MAY_TELL = re.compile(r"\b(?:I|[Ww]e|[Yy]our)\b")
_PERFECT = re.compile(rf"^{ASSISTANT} has (?:already |successfully )*(?P<verb>\w+)")
_BEFORE = re.compile(rf"^.{{0,40}}[-\u2013\u2014:] ?(?={ASSISTANT} )")  # "All set - "
_PAST = {"written": "wrote", "taken": "took", "given": "gave"}


def may_tell(text: str) -> bool:
    """Whether it is worth while to parse a text for deeds."""
    return _MAY_TELL.search(text) is not None


def deeds(doc: Doc, around: Surroundings) -> Iterator[Finding]:
    """What `around.who.speaker`, the assistant, did for `around.who.other`, in reading order."""
    for part in doc.sents:
        if is_question(part):
            continue
        for clause in clauses(part):
            if not states_nothing(clause) and (found := _deed(clause, around)) is not None:
                yield found


def _deed(clause: Clause, around: Surroundings) -> Finding | None:
    if not (_is_done(clause) or _is_arranged(clause)):
        return None
    known = Around(around.who, around.people)
    told, guessed = _told(clause, known, around), False
    if told is None:
        told, guessed = _told(clause, known.among(around.things()), around), True
    if not told or len(told) > _LONGEST:
        return None
    text = finished((told,))
    named = entities(clause.tokens, _DEED.name, around.who, around.people, text)
    return Finding(
        text=text,
        type=_DEED.type,
        topics=topics(_DEED.topic, clause.own),
        entities=tuple(each for each in named if each.name not in {ASSISTANT, UNNAMED}),
        source=source_of(clause.own, around.turn),
        confidence=SURENESS_OF_A_GUESS if guessed else _DEED.confidence,
        event_time=event_time(clause, dates_of(clause, around.dates)),
    )


def _is_done(clause: Clause) -> bool:
    """ "I've booked a table", and not "I'll book one", "I can't book it", "I've booked nothing"."""
    verb, subject = clause.head, clause.subject
    if subject is None or subject.lower_ not in FIRST_PERSON or is_denied(verb):
        return False
    if any(t.tag_ == "MD" or t.dep_ == "auxpass" for t in clause.auxiliaries):
        return False
    # "I've booked a table and set a reminder": the second borrows its "have", if it is understood.
    shared = verb.dep_ == "conj" and verb.tag_ in {"VB", "VBP"} and is_past(verb.head)
    if not shared and not (is_past(verb) and verb.tag_ in {"VBD", "VBN"}):
        return False  # "I've been booking"
    things = clause.children("dobj")
    if verb.lemma_ == "make":
        return any(thing.lemma_.lower() in _MADE for thing in things)
    return verb.lemma_ in _DOING and bool(things) and not any(map(_is_no_deed, things))


def _is_no_deed(thing: Token) -> bool:
    return thing.lemma_.lower() in _WRITTEN | {"nothing"} or any(
        t.lower_ == "no" for t in thing.lefts
    )


def _is_arranged(clause: Clause) -> bool:
    """ "Your table is booked", which somebody must have done; "was" may be somebody else."""
    verb, subject = clause.head, clause.subject
    if subject is None or verb.lemma_ not in _ARRANGING or is_denied(verb):
        return False
    helping = {t.lower_ for t in clause.auxiliaries}
    if verb.tag_ != "VBN" or not helping or helping - {"is", "are", "'s", "has", "have", "been"}:
        return False
    owned = any(t.dep_ == "poss" and t.lower_ in SECOND_PERSON for t in subject.lefts)
    return owned and not clause.children("agent")


def _told(clause: Clause, known: Around, around: Surroundings) -> str | None:
    dates = dates_of(clause, around.dates)
    try:
        if _is_arranged(clause):
            told = _told_of_the_assistant(clause, known, around)
        else:
            told = third_person(clause, known, dates)
    except UnresolvedError:
        return None
    told = _BEFORE.sub("", told)
    told = _PERFECT.sub(lambda m: f"{ASSISTANT} {_PAST.get(m['verb'], m['verb'])}", told)
    for mention in dates:  # "booked for Friday" is when it is, not how long
        told = told.replace(
            f" for {mention.when.words}", f" {mention.when.preposition} {mention.when.words}"
        )
    return told


def _told_of_the_assistant(clause: Clause, known: Around, around: Surroundings) -> str:
    assert clause.subject is not None
    thing = list(clause.subject.subtree)
    rest = [t for t in clause.own if t.i > clause.head.i and t not in thing and not t.is_punct]
    dates = dates_of(clause, around.dates)
    said: list[str] = [phrase(thing, clause.subject, known, dates)]
    if rest:
        more = phrase(rest, clause.head, known, dates)
        said.append(_with_hour(more, clause))
    return f"{ASSISTANT} {_past(clause.head)} {' '.join(said)}"


def _with_hour(more: str, clause: Clause) -> str:
    """ "At 8" as clocks show it: the subject may tell which half of the day is meant."""
    spoken = bare_hour(clause.own)
    if spoken is None:
        return more
    token, clock = spoken
    return more.replace(f"at {token.text}", f"at {clock.hour}:{clock.minute:02d}")


def _past(participle: Token) -> str:
    return _PAST.get(participle.lower_, participle.lower_)


def served(speakers: Sequence[str], introduced: str | None) -> str | None:
    """Whom the assistant means by "you", given who spoke: None where several or none did."""
    names = set(speakers)
    if len(names) != 1:
        return None
    return names.pop() or introduced or UNNAMED
