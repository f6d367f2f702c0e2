"""Memories from passages: whether one is worth keeping, and all that it carries."""

from __future__ import annotations

from collections.abc import Sequence

from spacy.tokens import Token

from extractor_service.domain import Finding, MemoryType, Source, Turn
from extractor_service.rules.answers import Answer
from extractor_service.rules.corrections import SURENESS, Correction
from extractor_service.rules.entities import entities
from extractor_service.rules.frames import CALLED_OFF, REMARK, SHOWN, Frame
from extractor_service.rules.passages import Passage
from extractor_service.rules.presenting import shown
from extractor_service.rules.small_talk import is_small_talk
from extractor_service.rules.statements import frame_in
from extractor_service.rules.subjects import About, about, points_at_a_sight
from extractor_service.rules.surface import finished
from extractor_service.rules.surroundings import Surroundings
from extractor_service.rules.timing import dates_of, event_time
from extractor_service.rules.topics import topics
from extractor_service.rules.weight import LIGHTEST_REMARK, LIGHTEST_TALK, weight
from extractor_service.rules.wishes import Wish

LONGEST_SENTENCE = 400
"""Characters. A longer sentence is a run-on that the parser has not understood."""

_PUT_RIGHT = Frame("identity", MemoryType.SEMANTIC, SURENESS, "personal")

SURENESS_OF_A_GUESS = 0.5
"""Confidence where a thing of an earlier sentence stands for an "it" or "they"."""


def finding(passage: Passage, around: Surroundings) -> Finding | None:
    """The memory that a passage makes, None when it says too little or is not understood."""
    frame = _kept_frame(passage, around)
    if frame is None:
        return None
    text = _text(passage, frame, around)
    if not text or len(text) > LONGEST_SENTENCE:
        return None
    clause = passage.clauses[0]
    return Finding(
        text=text,
        type=frame.type,
        topics=topics(frame.topic, passage.own),
        entities=entities(
            passage.tokens, frame.name, around.who, (*around.people, *around.known), text
        ),
        source=source_of(passage.own, around.turn),
        confidence=min(frame.confidence, SURENESS_OF_A_GUESS if passage.guessed else 1.0),
        event_time=event_time(clause, dates_of(clause, around.dates)),
    )


def _text(passage: Passage, frame: Frame, around: Surroundings) -> str:
    """A remark that does not name who made it gets the name: it is true for them."""
    text, speaker = finished(passage.told), around.who.speaker
    clause = passage.clauses[0]
    off = frame.name == CALLED_OFF.name and about(clause, around.who, around.people) is About.OTHER
    if not (off or frame is REMARK) or not around.who.named or speaker in text:
        return text
    return finished((f"{speaker} says {passage.told[0]}", *passage.told[1:]))


def answer_finding(answered: Answer, around: Surroundings) -> Finding:
    """The memory that an answer makes with its question."""
    return _stated(answered.told, answered.tokens, answered.frame, around)


def correction_finding(corrected: Correction, around: Surroundings) -> Finding:
    """The memory that a name makes which is put right."""
    return _stated(corrected.told, corrected.tokens, _PUT_RIGHT, around)


def _stated(told: str, tokens: Sequence[Token], frame: Frame, around: Surroundings) -> Finding:
    text = finished((told,))
    return Finding(
        text=text,
        type=frame.type,
        topics=topics(frame.topic, tokens),
        entities=entities(tokens, frame.name, around.who, around.people, text),
        source=source_of(tokens, around.turn),
        confidence=frame.confidence,
    )


def wish_finding(wish: Wish, around: Surroundings) -> Finding:
    """The memory that a wish makes: what the speaker wants, and never an order."""
    text = finished((f"{around.who.speaker} {wish.told}",))
    start, end = (len(around.turn.text[:at].encode()) for at in (wish.start, wish.end))
    return Finding(
        text=text,
        type=MemoryType.SEMANTIC,
        topics=("preferences",),
        entities=entities((), "preference", around.who, (), text),
        source=Source(around.turn.id, start, end),
        confidence=SURENESS,
    )


def _kept_frame(passage: Passage, around: Surroundings) -> Frame | None:
    """The frame of the first clause that fits one; None when all of it says too little."""
    framed = (frame_in(clause, around) for clause in passage.clauses)
    frame = next((frame for frame in framed if frame is not None), None)
    if frame is not None:
        return frame
    if shown(passage.clauses[0]):
        return SHOWN
    talk = all(is_small_talk(clause) for clause in passage.clauses)
    enough = weight(passage.tokens) >= (LIGHTEST_TALK if talk else LIGHTEST_REMARK)
    return REMARK if enough and not points_at_a_sight(passage.clauses[0]) else None


def source_of(own: Sequence[Token], turn: Turn) -> Source:
    """The UTF-8 bytes from the first word to the last."""
    words = [token for token in own if not (token.is_space or token.is_punct)]
    start = len(turn.text[: words[0].idx].encode())
    last = words[-1]
    return Source(turn.id, start, len(turn.text[: last.idx + len(last)].encode()))
