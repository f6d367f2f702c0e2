"""The rules extractor: parse, split, leave alone, recognise, rewrite."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from spacy.language import Language
from spacy.tokens import Doc, Token

from extractor_service.domain import EventTime, Finding, Precision, Role, Source, Turn
from extractor_service.rules.clauses import Clause, clauses
from extractor_service.rules.clock import clock_time
from extractor_service.rules.dates import DateFinder, DateMention
from extractor_service.rules.entities import entities
from extractor_service.rules.filters import is_left_alone, is_question
from extractor_service.rules.frames import Statement, about, frame_of
from extractor_service.rules.parse import bounded, load, parse
from extractor_service.rules.people import Mention, mentions
from extractor_service.rules.pronouns import UnresolvedError
from extractor_service.rules.rewrite import sentence
from extractor_service.rules.speaker import Participants, participants, self_introduction
from extractor_service.rules.topics import topics

RULES_VERSION = "rules-1"

CONTEXT_TURNS = 6
"""How many turns before a turn may tell who its pronouns mean."""

LONGEST_SENTENCE = 400
"""Characters. A longer sentence is a run-on that the parser has not understood."""

_CACHED_CONTEXT_TURNS = 128
_LEMMA_CACHE_ENTRIES = 100_000


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What is known around the clauses of one turn; `people` in the order they were mentioned."""

    turn: Turn
    who: Participants
    people: tuple[Mention, ...]
    dates: tuple[DateMention, ...]


class RulesExtractor:
    """Extracts memories from one turn at a time. Not thread-safe: one thread owns it."""

    def __init__(self, nlp: Language) -> None:
        """Use a pipeline that tags, parses, lemmatises and finds entities; see `load`."""
        self._nlp = nlp
        self._dates = DateFinder(nlp.vocab)
        self._introduction = lru_cache(_CACHED_CONTEXT_TURNS)(self._find_introduction)
        self._people = lru_cache(_CACHED_CONTEXT_TURNS)(self._find_people)

    @classmethod
    def load(cls) -> RulesExtractor:
        """An extractor on the pinned model."""
        return cls(load())

    def extract(self, turn: Turn, context: Sequence[Turn]) -> tuple[Finding, ...]:
        """The memories in one turn, in reading order.

        `context` holds the turns before it, oldest first; only the last CONTEXT_TURNS count, so
        that a longer context changes nothing. Same input, same output, byte for byte.
        """
        if turn.role is not Role.USER or not turn.text.strip():
            return ()
        with self._nlp.memory_zone():  # else every new word of every user stays in memory
            found = self._extract(turn, tuple(context[-CONTEXT_TURNS:]))
        self._bound_lemma_cache()
        return found

    def _extract(self, turn: Turn, context: tuple[Turn, ...]) -> tuple[Finding, ...]:
        doc = parse(self._nlp, turn.text)
        who = participants(turn, context, self._introduced(doc, turn, context))
        people = (*self._people_before(doc, who, context), *mentions(doc, who))
        around = _Surroundings(turn, who, people, self._dates.find(doc, turn.time))
        found = (_finding(clause, around) for clause in _statements(doc))
        distinct = {finding.text: finding for finding in found if finding is not None}
        return tuple(distinct.values())

    def _introduced(self, doc: Doc, turn: Turn, context: tuple[Turn, ...]) -> str | None:
        """The name that a nameless speaker gives here, or gave last."""
        if turn.speaker.strip():
            return None
        own = (
            bounded(t.text)
            for t in reversed(context)
            if t.role is Role.USER and not t.speaker.strip()
        )
        earlier = (name for text in own if (name := self._introduction(text)))
        return self_introduction(doc) or next(earlier, None)

    def _people_before(
        self, doc: Doc, who: Participants, context: tuple[Turn, ...]
    ) -> Iterator[Mention]:
        if not any(token.tag_ in {"PRP", "PRP$"} for token in doc):
            return
        for turn in context:
            if turn.role is Role.USER:
                speaker = turn.speaker.strip() or who.speaker
                listener = who.speaker if speaker != who.speaker else who.other
                yield from self._people(bounded(turn.text), Participants(speaker, listener))

    def _find_introduction(self, text: str) -> str | None:
        return self_introduction(parse(self._nlp, text))

    def _find_people(self, text: str, who: Participants) -> tuple[Mention, ...]:
        found = mentions(parse(self._nlp, text), who)
        return tuple(replace(mention, start=-1) for mention in found)

    def _bound_lemma_cache(self) -> None:
        cache = getattr(self._nlp.get_pipe("lemmatizer"), "cache", {})
        if len(cache) > _LEMMA_CACHE_ENTRIES:
            cache.clear()


def _statements(doc: Doc) -> Iterator[Clause]:
    for part in doc.sents:
        if not is_question(part):
            yield from (clause for clause in clauses(part) if not is_left_alone(clause))


def _finding(clause: Clause, around: _Surroundings) -> Finding | None:
    dates = _dates_of(clause, around.dates)
    event_time = _event_time(clause, dates)
    subject = about(clause, around.who, around.people)
    frame = frame_of(Statement(clause, subject, dated=event_time is not None))
    if frame is None:
        return None
    try:
        text = sentence(clause, around.who, around.people, dates)
    except UnresolvedError:
        return None
    if len(text) > LONGEST_SENTENCE:
        return None
    return Finding(
        text=text,
        type=frame.type,
        topics=topics(frame.topic, clause.own),
        entities=entities(clause.tokens, frame.name, around.who, around.people, text),
        source=_source(clause, around.turn),
        confidence=frame.confidence,
        event_time=event_time,
    )


def _dates_of(clause: Clause, dates: Sequence[DateMention]) -> list[DateMention]:
    own = {token.i for token in clause.own}
    return [mention for mention in dates if mention.start in own]


def _event_time(clause: Clause, dates: Sequence[DateMention]) -> EventTime | None:
    """The date nearest to the verb; to the minute when a clock time stands beside it."""
    doc = clause.head.doc
    timed = [m for m in dates if m.when.event is not None and not _is_bound(doc, m)]
    if not timed:
        return None
    nearest = min(timed, key=lambda m: (_depth(doc[m.start : m.end].root, clause.head), m.start))
    event = nearest.when.event
    clock = clock_time(clause.own)
    if event is None or clock is None or event.precision is not Precision.DAY:
        return event
    return EventTime(datetime.combine(event.time, clock, event.time.tzinfo), Precision.MINUTE)


def _is_bound(doc: Doc, mention: DateMention) -> bool:
    """ "since 2016", "until Friday": a bound of a state, not when something happened."""
    return mention.start > 0 and doc[mention.start - 1].lower_ in {"since", "until", "till"}


def _depth(token: Token, head: Token) -> int:
    chain = [token, *token.ancestors]
    return chain.index(head) if head in chain else len(chain)


def _source(clause: Clause, turn: Turn) -> Source:
    """The UTF-8 bytes from the clause's first word to its last."""
    words = [token for token in clause.own if not (token.is_space or token.is_punct)]
    start = len(turn.text[: words[0].idx].encode())
    last = words[-1]
    return Source(turn.id, start, len(turn.text[: last.idx + len(last)].encode()))
