"""What of the model's answer is kept: items in, memories out, and why others were not. Pure."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from extractor_service.domain import (
    Entity,
    EventTime,
    Finding,
    MemoryType,
    Precision,
    Role,
    Source,
    Strategy,
    StrategyKind,
    Turn,
)
from extractor_service.llm.answer import EntityItem, MemoryItem
from extractor_service.llm.conversation import Chunk
from extractor_service.llm.event_times import event_time_of, is_plausible
from extractor_service.llm.quotes import located
from extractor_service.llm.wording import Vocabulary, is_statement, is_third_person, tidy

MAX_PER_MESSAGE = 8
_MAX_TOPICS = 8
_MAX_TOPIC_CHARS = 64
_MAX_ENTITIES = 16
_MAX_NAME_CHARS = 256  # The contract's.
_MAX_KIND_CHARS = 32
_MINUTE = Precision.MINUTE
_DEED = "The assistant "
_UNKNOWN_DATES = frozenset({"", "null", "none", "unknown"})


class Drop(enum.Enum):
    """Why an item or a sentence was not kept; the values are labels of a metric."""

    SCHEMA = "schema"
    MESSAGE = "message"
    ROLE = "role"
    QUOTE = "quote"
    LENGTH = "length"
    NO_STATEMENT = "no_statement"
    NOT_THIRD_PERSON = "not_third_person"
    UNKNOWN_NAME = "unknown_name"
    UNGROUNDED = "ungrounded"
    DATE = "date"
    DUPLICATE = "duplicate"
    TOO_MANY = "too_many"


class _Dropped(Exception):
    def __init__(self, drop: Drop) -> None:
        super().__init__(drop.value)
        self.drop = drop


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a strategy takes: memories out of whose messages, and how long ones, in characters.

    `deeds_only`: out of the assistant's messages only what it did.
    """

    roles: Collection[Role]
    characters: int
    deeds_only: bool = False


_USERS = frozenset({Role.USER})
_SPEAKERS = frozenset({Role.USER, Role.ASSISTANT})
_ALLOWED = {
    StrategyKind.DISCRETE: Allowed(_USERS, 400),
    StrategyKind.PREFERENCES: Allowed(_USERS, 400),
    StrategyKind.CUSTOM: Allowed(_SPEAKERS, 400),
    StrategyKind.SUMMARY: Allowed(_SPEAKERS, 1200),
}


@dataclass(frozen=True, slots=True)
class Kept:
    """The valid memories in the order of their sources, and how many were dropped for what."""

    findings: tuple[Finding, ...]
    drops: Counter[Drop]


def allowed(strategy: Strategy) -> Allowed:
    """What a strategy takes; of what the assistant says its deeds, if it wants no more of that."""
    taken = _ALLOWED[strategy.kind]
    if not strategy.include_assistant or Role.ASSISTANT in taken.roles:
        return taken
    return Allowed(_SPEAKERS, taken.characters, deeds_only=True)


def valid(items: Iterable[Any], chunk: Chunk, strategy: Strategy) -> Kept:
    """The items of an answer that are memories of the chunk's messages as the strategy wants."""
    takes = allowed(strategy)
    vocabulary = vocabulary_of(chunk)
    drops: Counter[Drop] = Counter()
    found: dict[str, tuple[int, Finding]] = {}
    per_message: Counter[int] = Counter()
    for raw in items:
        try:
            number, finding = _finding(raw, chunk, takes, vocabulary)
            _check_new(finding.text.casefold(), found, per_message[number])
        except _Dropped as dropped:
            drops[dropped.drop] += 1
        else:
            found[finding.text.casefold()] = number, finding
            per_message[number] += 1
    ordered = sorted(found.values(), key=lambda pair: (pair[0], pair[1].source.start))
    return Kept(tuple(finding for _, finding in ordered), drops)


def valid_sentences(
    sentences: Iterable[Any], vocabulary: Vocabulary, characters: int
) -> tuple[list[str], Counter[Drop]]:
    """The sentences of a summary that may stand in it, each once, and what was dropped."""
    drops: Counter[Drop] = Counter()
    kept: dict[str, str] = {}
    for raw in sentences:
        try:
            if not isinstance(raw, str):
                raise _Dropped(Drop.SCHEMA)
            text = _text(raw, vocabulary, characters)
            _check_new(text.casefold(), kept, 0)
        except _Dropped as dropped:
            drops[dropped.drop] += 1
        else:
            kept[text.casefold()] = text
    return list(kept.values()), drops


def vocabulary_of(chunk: Chunk, others: Sequence[str] = ()) -> Vocabulary:
    """The words of the chunk's turns and their speakers, and of other texts."""
    turns = (*chunk.context, *chunk.messages)
    said = (text for turn in turns for text in (turn.text, turn.speaker))
    known = (f"{each.name} {each.relation} {each.of}" for each in chunk.known)
    return Vocabulary([*said, *known, *others])


def _finding(raw: Any, chunk: Chunk, takes: Allowed, vocabulary: Vocabulary) -> tuple[int, Finding]:
    item = _item(raw)
    turn = _turn(item.message, chunk, takes.roles)
    source = _source(item.quote, turn)
    text = _text(item.text, vocabulary, takes.characters)
    deed = takes.deeds_only and turn.role is Role.ASSISTANT
    if deed and not text.startswith(_DEED):
        raise _Dropped(Drop.ROLE)
    finding = Finding(
        text=text,
        type=MemoryType.EPISODIC if deed else MemoryType(item.type),
        topics=_topics(item.topics),
        entities=_entities(item.entities, text),
        source=source,
        confidence=item.confidence,
        event_time=_event_time(item.event_time, turn),
    )
    return item.message, finding


def _item(raw: Any) -> MemoryItem:
    try:
        return MemoryItem.model_validate(raw)
    except ValidationError:
        raise _Dropped(Drop.SCHEMA) from None


def _turn(number: int, chunk: Chunk, roles: Collection[Role]) -> Turn:
    if not 1 <= number <= len(chunk.messages):
        raise _Dropped(Drop.MESSAGE)
    turn = chunk.messages[number - 1]
    if turn.role not in roles:
        raise _Dropped(Drop.ROLE)
    return turn


def _source(quote: str, turn: Turn) -> Source:
    span = located(quote, turn.text)
    if span is None:
        raise _Dropped(Drop.QUOTE)
    start = len(turn.text[: span[0]].encode())
    return Source(turn.id, start, start + len(turn.text[span[0] : span[1]].encode()))


def _text(raw: str, vocabulary: Vocabulary, characters: int) -> str:
    text = tidy(raw)
    if not 1 <= len(text) <= characters:
        raise _Dropped(Drop.LENGTH)
    if not is_statement(text):
        raise _Dropped(Drop.NO_STATEMENT)
    if not is_third_person(text):
        raise _Dropped(Drop.NOT_THIRD_PERSON)
    if not vocabulary.names_only_known(text):
        raise _Dropped(Drop.UNKNOWN_NAME)
    if not vocabulary.covers(text):
        raise _Dropped(Drop.UNGROUNDED)
    return text


def _event_time(raw: str | None, turn: Turn) -> EventTime | None:
    if raw is None or raw.strip().casefold() in _UNKNOWN_DATES:
        return None
    event = event_time_of(raw, turn.time.tzinfo)
    if event is None or not is_plausible(event, turn.time):
        raise _Dropped(Drop.DATE)
    # The time that stands beside the message, copied: it says when this was told, not when it was.
    return (
        None if event == EventTime(turn.time.replace(second=0, microsecond=0), _MINUTE) else event
    )


def _topics(raw: Sequence[str]) -> tuple[str, ...]:
    """Those that are words of a sensible length, each once; a bad topic makes no bad memory."""
    topics = (" ".join(topic.split()).casefold() for topic in raw)
    fitting = (topic for topic in topics if topic.isprintable() and len(topic) <= _MAX_TOPIC_CHARS)
    return tuple(dict.fromkeys(topic for topic in fitting if topic))[:_MAX_TOPICS]


def _entities(raw: Sequence[EntityItem], text: str) -> tuple[Entity, ...]:
    """Those that the text names, each once."""
    named = {
        item.name: Entity(item.name, item.kind.casefold() if _is_kind(item.kind) else "")
        for item in reversed(raw)
        if 1 <= len(item.name) <= _MAX_NAME_CHARS and item.name in text
    }
    return tuple(reversed(named.values()))[:_MAX_ENTITIES]


def _is_kind(kind: str) -> bool:
    return len(kind) <= _MAX_KIND_CHARS and kind.replace("_", "").replace(" ", "").isalpha()


def _check_new(key: str, known: Collection[str], of_the_message: int) -> None:
    if key in known:
        raise _Dropped(Drop.DUPLICATE)
    if of_the_message >= MAX_PER_MESSAGE:
        raise _Dropped(Drop.TOO_MANY)
