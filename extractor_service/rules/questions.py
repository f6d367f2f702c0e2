"""Questions as statements with a gap, for an answer of some words: "Where do you live?"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from spacy.tokens import Doc, Span, Token

from extractor_service.domain import UNNAMED, MemoryType
from extractor_service.rules.clauses import Clause, clauses
from extractor_service.rules.filters import WONDERING, is_question
from extractor_service.rules.frames import Frame, Statement, frame_of
from extractor_service.rules.inflect import present, third_person
from extractor_service.rules.particulars import counted, particular
from extractor_service.rules.pronouns import Around, UnresolvedError
from extractor_service.rules.rewrite import phrase
from extractor_service.rules.speaker import SECOND_PERSON, Participants
from extractor_service.rules.subjects import About
from extractor_service.rules.words import word_set

GAP = "{}"

_ANSWER = Frame("answer", MemoryType.SEMANTIC, 0.7, "personal")
_REAL = word_set("do does did have has had been being are is was were 's 're 've will can be")
_LIVELIHOOD = word_set("living work job")
_ASKED_WITH = frozenset({"NOUN", "ADJ", "ADV"})
_HOME = Frame("home", MemoryType.SEMANTIC, 0.9, "home")
_WORK = Frame("work", MemoryType.SEMANTIC, 0.9, "work")
_LONGEST_QUESTION = 16


@dataclass(frozen=True, slots=True)
class Asked:
    """What is true if the answer is yes, or with the answer in the GAP; and if it is no.

    `wants` is the question word in lower case, "long" for "how long", and "" for yes or no; it is
    "figure" or "date" where nothing else is an answer.
    """

    wants: str
    positive: str
    negative: str
    frame: Frame


def asked(doc: Doc, who: Participants) -> Asked | None:
    """The question that `who.speaker` asks `who.other` last, None when there is none to answer."""
    parts = list(doc.sents)
    question = next((part for part in reversed(parts) if is_question(part)), None)
    if question is None or who.other is None or len(question) > _LONGEST_QUESTION:
        return None
    return _particular(question.text, who.other) or _whole(question, who)


def _whole(question: Span, who: Participants) -> Asked | None:
    """What a question with subject and verb asks, if it is about whoever is asked."""
    if any(token.tag_ == "EX" for token in question):  # "Is there anything else?"
        return None
    root = question.root
    clause = next((c for c in clauses(question) if c.head == root), None)
    if clause is None or clause.subject is None or _is_misread(clause.subject):
        return None
    about_listener = {token.lower_ for token in clause.subject.subtree} & SECOND_PERSON
    dated = _asks_when_it_is(question, clause)
    if not (about_listener or dated) or not all(t.lower_ in _REAL for t in clause.auxiliaries):
        return None
    try:
        made = _asked(question, clause, Around(who, ()))
    except UnresolvedError:
        return None
    if made is None or about_listener:
        return made
    return replace(made, wants="date", positive=_said_by(who.other or UNNAMED, made.positive))


def _particular(question: str, listener: str) -> Asked | None:
    """What is asked for in few words: "How many guests?", "And your postcode?"."""
    if many := counted(question):
        told = _said_by(listener, f"the number of {many} is {GAP}")
        return Asked("figure", told, "", _ANSWER)
    what = particular(question, listener)
    if not what:
        return None
    told = f"{what} is {GAP}"
    return Asked("figure", told if listener in what else _said_by(listener, told), "", _ANSWER)


def _said_by(listener: str, told: str) -> str:
    """What names nobody is true for whoever says it."""
    return told if listener == UNNAMED else f"{listener} says {told}"


def _asks_when_it_is(question: Span, clause: Clause) -> bool:
    """ "When is the wedding?": of a thing that whoever is asked knows of."""
    subject, wanted = clause.subject, [token.lower_ for token in _wanted(question)]
    definite = subject is not None and any(t.lower_ == "the" for t in subject.lefts)
    return wanted == ["when"] and definite and clause.head.lemma_ == "be"


def _asked(question: Span, clause: Clause, around: Around) -> Asked | None:
    wanted = _wanted(question)
    frame = frame_of(Statement(clause, About.SPEAKER, dated=False)) or _ANSWER
    subject = phrase(list(_subject(clause).subtree), _subject(clause), around)
    rest = _rest(question, clause, wanted)
    said = phrase(rest, clause.head, around) if rest else ""
    verb = _verb(clause)
    wants = _kind(wanted)
    if wants == "where" and clause.head.lemma_ == "live":
        frame = _HOME
    if wants == "what" and clause.head.lemma_ == "do":
        if not any(token.lower_ in _LIVELIHOOD for token in rest):
            return None
        return Asked(wants, f"{subject} works as {GAP}", "", _WORK)
    if wants:
        counted = next((t.text for t in wanted if t.pos_ == "NOUN" and wants == "many"), "")
        if wants == "many" and not counted:
            return None  # "How many do you have?": of what, it does not say
        years = "years old" if wants == "old" else counted
        return Asked(wants, _joined(subject, verb, said, GAP, years), "", frame)
    plain = said.replace("any ", "").removeprefix("ever ")
    return Asked("", _joined(subject, verb, plain), _joined(subject, _denied(clause), said), frame)


def _is_misread(subject: Token) -> bool:
    """ "Is your sister a nurse": the parser takes the nurse for the sister's name."""
    return any(child.dep_ == "appos" for child in subject.children)


def _wanted(question: Span) -> list[Token]:
    """The words that ask: "where", "how long", "which instrument", "how many kids"."""
    asking = next((token for token in question if token.tag_ in WONDERING), None)
    if asking is None:
        return []
    top = asking
    while top.head != top and top.head.i > top.i and top.head.pos_ in _ASKED_WITH:
        top = top.head
    return [token for token in question if asking.i <= token.i <= top.i]


def _kind(wanted: Sequence[Token]) -> str:
    words = [token.lower_ for token in wanted]
    if words[:1] == ["how"]:
        return next((w for w in words if w in {"long", "many", "much", "old", "often"}), "how")
    return words[0] if words else ""


def _subject(clause: Clause) -> Token:
    assert clause.subject is not None
    return clause.subject


def _rest(question: Span, clause: Clause, wanted: Sequence[Token]) -> list[Token]:
    """What stands beside subject, verb and question word, in its order."""
    gone = {*wanted, *_subject(clause).subtree, clause.head, *clause.auxiliaries}
    start = min(token.i for token in gone if token.i >= question.start)
    rest = (t for t in question if t.i >= start and t not in gone and not t.is_punct)
    # "Are you still going": what is so or not is so now.
    return [t for t in rest if not (t.lower_ == "still" and t.dep_ == "advmod")]


def _verb(clause: Clause) -> str:
    """The verb for a name: "lives" for "do you live", "is learning", "did grow"."""
    words = [*clause.auxiliaries, clause.head]
    helping = {token.lower_ for token in clause.auxiliaries}
    if helping & {"do", "does"}:
        return present(clause.head.lemma_)
    return " ".join([third_person(words[0]), *(token.text for token in words[1:])]).lower()


def _denied(clause: Clause) -> str:
    helping = {token.lower_ for token in clause.auxiliaries}
    if helping & {"do", "does"}:
        return f"does not {clause.head.lemma_}"
    first, *others = _verb(clause).split(" ")
    return " ".join([first, "not", *others])


def _joined(*parts: str) -> str:
    return " ".join(_present(parts))


def _present(parts: Sequence[str]) -> Iterator[str]:
    yield from (part for part in parts if part)
