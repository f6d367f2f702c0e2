"""The rules extractor: parse, split, leave alone, recognise, rewrite."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from spacy.language import Language
from spacy.tokens import Doc

from extractor_service.domain import PLAIN, UNNAMED, Finding, Role, Setting, Turn
from extractor_service.reading import Reading
from extractor_service.rules.answers import Answer, answer
from extractor_service.rules.context import Before, Earlier
from extractor_service.rules.corrections import correction
from extractor_service.rules.dates import DateFinder
from extractor_service.rules.deeds import deeds, may_tell, served
from extractor_service.rules.findings import (
    answer_finding,
    correction_finding,
    finding,
    wish_finding,
)
from extractor_service.rules.jokes import jokes
from extractor_service.rules.known import PERSON
from extractor_service.rules.own_name import (
    known_name,
    mentioned,
    of_the_user,
    own_name_findings,
)
from extractor_service.rules.parse import load, parse, parse_said, wishes_in
from extractor_service.rules.passages import passages
from extractor_service.rules.people import mentions
from extractor_service.rules.pronouns import Around
from extractor_service.rules.questions import Asked
from extractor_service.rules.reader import Reader
from extractor_service.rules.repairs import repaired
from extractor_service.rules.slips import Said, meant, restated, slip, states
from extractor_service.rules.speaker import (
    ASSISTANT,
    Participants,
    participants,
    self_introduction,
    tidy_name,
)
from extractor_service.rules.surroundings import Surroundings

RULES_VERSION = "rules-4"

CONTEXT_TURNS = 6
"""How many turns before a turn may tell who its pronouns mean."""

_LEMMA_CACHE_ENTRIES = 100_000


class RulesExtractor:
    """Extracts memories from one turn at a time. Not thread-safe: one thread owns it."""

    def __init__(self, nlp: Language) -> None:
        """Use a pipeline that tags, parses, lemmatises and finds entities; see `load`."""
        self._nlp = nlp
        self._dates = DateFinder(nlp.vocab)
        self._earlier = Earlier(nlp)
        self._reader = Reader(nlp)

    @classmethod
    def load(cls) -> RulesExtractor:
        """An extractor on the pinned model."""
        return cls(load())

    def extract(
        self, turn: Turn, context: Sequence[Turn], setting: Setting = PLAIN
    ) -> tuple[Finding, ...]:
        """The memories in one turn, in reading order.

        `context` holds the turns before it, oldest first; only the last CONTEXT_TURNS count, so
        that a longer context changes nothing. Same input, same output, byte for byte.
        """
        if not _is_read(turn, setting):
            return ()
        with self._nlp.memory_zone():  # else every new word of every user stays in memory
            found = self._found(turn, tuple(context[-CONTEXT_TURNS:]), setting)
            found = found or self._restated(turn, tuple(context[-CONTEXT_TURNS:]), setting)
        self._bound_lemma_cache()
        return found

    def read(self, text: str, people: Collection[str] = ()) -> Reading:
        """What one memory's sentence says, whoever wrote it: the same for the same text.

        `people` are the names of those whom it may be about.
        """
        with self._nlp.memory_zone():
            reading = self._reader.read(text, people)
        self._bound_lemma_cache()
        return reading

    def _placed(self, told: Iterable[Finding], user: str | None) -> tuple[Finding, ...]:
        """Each once, with its slot; `user` is the name of a user who writes without one."""
        placed = (replace(memory, slot=self._slot(memory)) for memory in told)
        theirs = (of_the_user(memory, user) if user else memory for memory in placed)
        return tuple({memory.text: memory for memory in theirs}.values())

    def _slot(self, memory: Finding) -> str:
        """Of the sentence as it is stored, names for pronouns: whoever reads it finds the same."""
        people = [entity.name for entity in memory.entities if entity.kind == PERSON]
        return self._reader.slot(memory.text, people)

    def _found(
        self, turn: Turn, context: tuple[Turn, ...], setting: Setting
    ) -> tuple[Finding, ...]:
        """What a turn says as it was meant."""
        if turn.role is not Role.USER:
            return self._deeds(turn, context, setting)
        meant = repaired(turn.text)
        if meant is None:
            return self._extract(turn, context, setting)
        found = self._extract(replace(turn, text=meant.text), context, setting)
        return tuple(replace(each, source=meant.in_said(each.source)) for each in found)

    def _extract(
        self, turn: Turn, context: tuple[Turn, ...], setting: Setting
    ) -> tuple[Finding, ...]:
        doc = parse_said(self._nlp, turn.text)
        user = None if turn.speaker.strip() else self._name_of_nameless(doc, context, setting)
        who = participants(turn, context, user)
        self._earlier.remember(turn, who, doc)
        before, known = Before(self._earlier, context, who), tuple(mentioned(setting.known, user))
        question = before.question(doc)
        people = before.people(doc, known, question)
        dates = self._dates.find(doc, turn.time, before=[each.text for each in context])
        around = Surroundings(turn, who, people, dates, before.things, known)
        told = sorted(_told(doc, around, question), key=lambda memory: memory.source.start)
        return self._placed(told, user)

    def _name_of_nameless(
        self, doc: Doc, context: tuple[Turn, ...], setting: Setting
    ) -> str | None:
        """The name that a nameless speaker gives here, or gave last, or is known by."""
        own = (t for t in reversed(context) if t.role is Role.USER and not t.speaker.strip())
        earlier = (name for turn in own if (name := self._earlier.introduction(turn)))
        return self_introduction(doc) or next(earlier, None) or known_name(setting.known)

    def _restated(
        self, turn: Turn, context: tuple[Turn, ...], setting: Setting
    ) -> tuple[Finding, ...]:
        """What the speaker said before, with the word that this turn puts right."""
        made = slip(turn.text) if turn.role is Role.USER else None
        if made is None or states(made, parse(self._nlp, turn.text)):
            return ()
        own = [
            Said(earlier, context[:i], self._extract(earlier, context[:i], setting))
            for i, earlier in enumerate(context)
            if _is_same_speaker(earlier, turn) and made.may_be_in(earlier.text)
        ]
        spot = meant(made, own)
        if spot is None:
            return ()
        again = self._extract(spot.put_right(made.right), spot.said.context, setting)
        said = {memory.text for memory in spot.said.found}
        changed = [memory for memory in again if memory.text not in said]
        return tuple(restated(made, turn, memory) for memory in changed if len(changed) == 1)

    def _deeds(
        self, turn: Turn, context: tuple[Turn, ...], setting: Setting
    ) -> tuple[Finding, ...]:
        """What the assistant did, as it says."""
        users = [before for before in context if before.role is Role.USER]
        introductions = (self._earlier.introduction(before) for before in reversed(users))
        introduced = next((name for name in introductions if name), known_name(setting.known))
        user = served([tidy_name(before.speaker) for before in users], introduced)
        doc, who = parse(self._nlp, turn.text), Participants(ASSISTANT, user)
        told = [self._earlier.told(t, _user(t, user)) for t in users]
        people = (*(m for each in told for m in each.people), *mentions(doc, who))
        things = told[-1].things if told else ()
        dates = self._dates.find(
            doc, turn.time, just_done=True, before=[before.text for before in context]
        )
        around = Surroundings(turn, who, people, dates, lambda: things)
        return self._placed(deeds(doc, around), introduced if user == introduced else None)

    def _bound_lemma_cache(self) -> None:
        cache = getattr(self._nlp.get_pipe("lemmatizer"), "cache", {})
        if len(cache) > _LEMMA_CACHE_ENTRIES:
            cache.clear()


def _is_read(turn: Turn, setting: Setting) -> bool:
    if turn.role is Role.ASSISTANT:
        return setting.include_assistant and may_tell(turn.text)
    return turn.role is Role.USER and bool(turn.text.strip())


def _told(doc: Doc, around: Surroundings, question: Asked | None) -> Iterator[Finding]:
    """What a turn tells, in no order: each of its sentences is read in one way."""
    rest = list(doc.sents)
    if (answered := _answered(doc, around, question)) is not None:
        rest = rest[1:]
        yield answer_finding(answered, around)
    made = {part.start: correction(part, around.people) for part in rest}
    yield from (correction_finding(each, around) for each in made.values() if each is not None)
    stated = passages([part for part in rest if made[part.start] is None], around)
    yield from (found for each in stated if (found := finding(each, around)) is not None)
    if not around.turn.speaker.strip():
        yield from own_name_findings(doc, around.turn)
    if around.who.other is None and not jokes(doc):
        yield from (wish_finding(wish, around) for wish in wishes_in(around.turn.text))


def _answered(doc: Doc, around: Surroundings, question: Asked | None) -> Answer | None:
    """What the turn's first sentence answers."""
    if question is None:
        return None
    first = next(doc.sents)
    dates = [mention for mention in around.dates if mention.end <= first.end]
    return answer(first, question, Around(around.who, around.people), dates)


def _is_same_speaker(earlier: Turn, turn: Turn) -> bool:
    same = tidy_name(earlier.speaker) == tidy_name(turn.speaker)
    return earlier.role is Role.USER and same


def _user(turn: Turn, served: str | None) -> Participants:
    """Who speaks in an earlier turn to the assistant, given whom it serves."""
    return Participants(tidy_name(turn.speaker) or served or UNNAMED, None)
