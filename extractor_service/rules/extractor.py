"""The rules extractor: parse, split, leave alone, recognise, rewrite."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from spacy.language import Language
from spacy.tokens import Doc

from extractor_service.domain import PLAIN, UNNAMED, Finding, KnownEntity, Role, Setting, Turn
from extractor_service.reading import Reading
from extractor_service.rules.answers import Answer, answer, may_answer
from extractor_service.rules.antecedents import everyone
from extractor_service.rules.context import Earlier
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
from extractor_service.rules.known import PERSON, mark_names, mention_of, named, pointed_at
from extractor_service.rules.naming import named_in_answer
from extractor_service.rules.own_name import (
    known_name,
    names_the_user,
    of_the_user,
    own_name_findings,
)
from extractor_service.rules.parse import load, parse, parse_said, wishes_in
from extractor_service.rules.passages import passages
from extractor_service.rules.people import HE, SHE, Mention, mentions
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
from extractor_service.rules.things import Thing

RULES_VERSION = "rules-4"

CONTEXT_TURNS = 6
"""How many turns before a turn may tell who its pronouns mean."""

LONGEST_QUESTION = 300
"""Characters at the end of an assistant's turn in which its question is looked for."""

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
        unnamed = not turn.speaker.strip()
        user = self._introduced(doc, context) or known_name(setting.known) if unnamed else None
        who = participants(turn, context, user)
        self._earlier.remember(turn, who, doc)
        known = tuple(_mentioned(setting.known, user))
        question = self._question(doc, who, context)
        people = self._people(doc, who, context, known, question)
        dates = self._dates.find(doc, turn.time, before=[before.text for before in context])
        things = partial(self._things, who, context)
        around = Surroundings(turn, who, people, dates, things, known)
        answered = self._answer(doc, around, question)
        parts = list(doc.sents)
        told = [] if answered is None else [answer_finding(answered, around)]
        rest = parts if answered is None else parts[1:]
        corrected = {part.start: made for part in rest if (made := correction(part, people))}
        told += [correction_finding(made, around) for made in corrected.values()]
        told += own_name_findings(doc, turn) if unnamed else ()
        stated = passages([part for part in rest if part.start not in corrected], around)
        told += [found for passage in stated if (found := finding(passage, around)) is not None]
        if who.other is None and not jokes(doc):
            told += [wish_finding(wish, around) for wish in wishes_in(turn.text)]
        told.sort(key=lambda memory: memory.source.start)
        return self._placed(told, user)

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

    def _people(
        self,
        doc: Doc,
        who: Participants,
        context: tuple[Turn, ...],
        known: tuple[Mention, ...],
        question: Asked | None,
    ) -> tuple[Mention, ...]:
        """Those who were mentioned, in their order, with their names where these are known."""
        pointed = tuple(pointed_at(doc, who, context))
        before = tuple(self._people_before(doc, who, context, always=bool(pointed)))
        if (answered := named_in_answer(doc, question)) is not None:
            before = (*before, answered)
        mark_names(doc, (*before, *mentions(doc, who), *known))
        here = sorted((*everyone(doc, who), *pointed), key=lambda mention: mention.start)
        people = named((*before, *here), known)
        return tuple(m for m in people if m.supplied or m not in pointed)

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

    def _introduced(self, doc: Doc, context: tuple[Turn, ...]) -> str | None:
        """The name that a nameless speaker gives here, or gave last."""
        own = (t for t in reversed(context) if t.role is Role.USER and not t.speaker.strip())
        earlier = (name for turn in own if (name := self._earlier.introduction(turn)))
        return self_introduction(doc) or next(earlier, None)

    def _people_before(
        self, doc: Doc, who: Participants, context: tuple[Turn, ...], *, always: bool
    ) -> Iterator[Mention]:
        """Whom a pronoun may mean, and whose name may be put right."""
        if always or any(token.tag_ in {"PRP", "PRP$", "NNP"} for token in doc):
            for turn in context:
                if turn.role is Role.USER:
                    yield from self._earlier.told(turn, _as_said(turn, who)).people
            spoken = bool(context) and context[-1].role is Role.ASSISTANT
            if spoken and any(token.lower_ in SHE | HE for token in doc):
                yield from self._earlier.told(*_asker(context[-1], who)).people

    def _things(self, who: Participants, context: tuple[Turn, ...]) -> tuple[Thing, ...]:
        """The things of the turn before, if a person said it."""
        if not context or context[-1].role is not Role.USER:
            return ()
        return self._earlier.told(context[-1], _as_said(context[-1], who)).things

    def _question(self, doc: Doc, who: Participants, context: tuple[Turn, ...]) -> Asked | None:
        """What the turn before asks, if the first sentence of this one may answer it."""
        first = next(iter(doc.sents), None)
        if first is None or not context or not may_answer(first):
            return None
        return self._earlier.told(*_asker(context[-1], who)).asked

    def _answer(self, doc: Doc, around: Surroundings, question: Asked | None) -> Answer | None:
        """What the turn's first sentence answers."""
        if question is None:
            return None
        first = next(doc.sents)
        dates = [mention for mention in around.dates if mention.end <= first.end]
        return answer(first, question, Around(around.who, around.people), dates)

    def _bound_lemma_cache(self) -> None:
        cache = getattr(self._nlp.get_pipe("lemmatizer"), "cache", {})
        if len(cache) > _LEMMA_CACHE_ENTRIES:
            cache.clear()


def _is_read(turn: Turn, setting: Setting) -> bool:
    if turn.role is Role.ASSISTANT:
        return setting.include_assistant and may_tell(turn.text)
    return turn.role is Role.USER and bool(turn.text.strip())


def _mentioned(known: Sequence[KnownEntity], user: str | None) -> Iterator[Mention]:
    """Those known from before; who is the user's is so by the `user`'s name, too."""
    for each in known:
        of = user if user and each.of == UNNAMED else each.of
        mention = None if names_the_user(each) else mention_of(replace(each, of=of))
        if mention is not None:
            yield mention


def _is_same_speaker(earlier: Turn, turn: Turn) -> bool:
    same = tidy_name(earlier.speaker) == tidy_name(turn.speaker)
    return earlier.role is Role.USER and same


def _user(turn: Turn, served: str | None) -> Participants:
    """Who speaks in an earlier turn to the assistant, given whom it serves."""
    return Participants(tidy_name(turn.speaker) or served or UNNAMED, None)


def _as_said(turn: Turn, who: Participants) -> Participants:
    """Who speaks to whom in an earlier turn of the conversation that `who` are in."""
    speaker = tidy_name(turn.speaker) or who.speaker
    return Participants(speaker, who.speaker if speaker != who.speaker else who.other)


def _asker(turn: Turn, who: Participants) -> tuple[Turn, Participants]:
    """Who may have asked in an earlier turn; of a long one only the end is read."""
    if turn.role is Role.USER:
        return turn, _as_said(turn, who)
    return replace(turn, text=turn.text[-LONGEST_QUESTION:]), Participants(ASSISTANT, who.speaker)
