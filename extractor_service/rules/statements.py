"""Which clauses of a text state something, and which of them are told together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from spacy.tokens import Span

from extractor_service.rules.acts import ENDING, gives_up, is_denied
from extractor_service.rules.called_off import called_off
from extractor_service.rules.clauses import SPLICED, Clause, clauses, joined
from extractor_service.rules.filters import is_question, states_nothing
from extractor_service.rules.frames import Frame, Statement, frame_of
from extractor_service.rules.jokes import jokes
from extractor_service.rules.small_talk import is_small_talk
from extractor_service.rules.subjects import about
from extractor_service.rules.surroundings import Surroundings
from extractor_service.rules.timing import dates_of, event_time
from extractor_service.rules.words import word_set

_GOING = word_set("go move travel fly visit come marry")
_LEAST_TO_JOIN = 2


def statements(parts: Sequence[Span], around: Surroundings) -> Iterator[Clause]:
    """What these sentences state, questions, jokes, orders, suppositions and quotations left out.

    Clauses of one sentence are told together, except where one of them is a lasting fact of its
    own, which a later one may take the place of.
    """
    unmeant = jokes(parts[0].doc) if parts else ()
    for part in parts:
        if is_question(part) or part.start in unmeant:
            continue
        split = clauses(part)
        nothing = {clause.head for clause in split if states_nothing(clause)}
        if len(split) < _LEAST_TO_JOIN:
            yield from (clause for clause in split if clause.head not in nothing)
            continue
        lasting = {clause.head for clause in split if _is_lasting(clause, around)}
        spliced = {c.head for c in split if c.head.dep_ in SPLICED and c.head.head in lasting}
        ended = {clause.head for clause in split if ends_something(clause)}
        hanging = SPLICED | {"conj"}
        spliced |= {c.head for c in split if c.head.dep_ in hanging and c.head.head in ended}
        whole = joined(split, nothing | lasting | spliced)
        yield from (clause for clause in whole if clause.head not in nothing)


def _is_lasting(clause: Clause, around: Surroundings) -> bool:
    frame = frame_in(clause, around)
    return frame is not None and (frame.lasting or ends_something(clause))


def ends_something(clause: Clause) -> bool:
    """Whether it says that something is so no more: "I don't eat meat any more"."""
    if called_off(clause.head) is not None:
        return True
    ended = any(t.norm_ == "anymore" or t.lower_ == "longer" for t in clause.children("advmod"))
    off = clause.head.tag_ == "VBG" and clause.head.lemma_ in _GOING and is_denied(clause.head)
    ends = clause.head.lemma_ in ENDING or gives_up(clause.head)
    return ended or off or (ends and not is_denied(clause.head))


def frame_in(clause: Clause, around: Surroundings) -> Frame | None:
    """The frame that a clause fits, None for small talk and for what fits none."""
    if is_small_talk(clause) and called_off(clause.head) is None:
        return None
    dated = event_time(clause, dates_of(clause, around.dates)) is not None
    return frame_of(Statement(clause, about(clause, around.who, around.people), dated))
