"""Reads conversations from files in the format of LoCoMo (https://github.com/snap-research/locomo).

A file is a list of items; an item has a ``conversation`` with ``speaker_a``, ``speaker_b``, and
for each session ``session_<n>`` (its turns) and ``session_<n>_date_time``. Times are taken as UTC.
The turns of a session have no times of their own, so each is taken to be said a minute after the
one before, the first at the session's time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_SESSION_KEY = re.compile(r"session_(\d+)")
_DATE_FORMAT = "%I:%M %p on %d %B, %Y"
_TURN_DISTANCE = timedelta(minutes=1)
_MAX_NAME_LENGTH = 128


class ConversationError(ValueError):
    """The file cannot be played; the message is one line for the person who named the file."""


@dataclass(frozen=True)
class Turn:
    """What one person said, at once."""

    id: str
    speaker: str
    text: str
    time: datetime


@dataclass(frozen=True)
class Session:
    """Turns of one sitting, at least one."""

    id: str
    time: datetime
    turns: tuple[Turn, ...]


@dataclass(frozen=True)
class Question:
    """A question about the conversation, its answer, and the ids of the turns that say so."""

    text: str
    answer: str
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Conversation:
    """Sessions of the same people, the first one first."""

    name: str
    speakers: tuple[str, ...]
    sessions: tuple[Session, ...]
    questions: tuple[Question, ...]

    @property
    def turn_count(self) -> int:
        """How many turns all sessions have."""
        return sum(len(session.turns) for session in self.sessions)


def read_conversation(path: Path, item: int = 0) -> Conversation:
    """Read one item of a file; ConversationError if there is none to play."""
    items = _load(path)
    if not 0 <= item < len(items):
        raise ConversationError(f"{path} has no item {item}: it has {len(items)}, counted from 0")
    try:
        return parse_item(items[item], default_name=f"{path.stem}-{item}")
    except ConversationError as error:
        raise ConversationError(f"{path}, item {item}: {error}") from error


def parse_item(item: object, default_name: str) -> Conversation:
    """Read one item; what it lacks is left out, except sessions and their times."""
    content = item.get("conversation") if isinstance(item, dict) else None
    if not isinstance(item, dict) or not isinstance(content, dict):
        raise ConversationError("not in LoCoMo format, there is no 'conversation'")
    sessions = tuple(_sessions(content))
    if not sessions:
        raise ConversationError("not in LoCoMo format, there is no session with turns")
    turn_ids = {turn.id for session in sessions for turn in session.turns}
    return Conversation(
        name=(_text(item.get("sample_id")) or default_name)[:_MAX_NAME_LENGTH],
        speakers=_speakers(content, sessions),
        sessions=sessions,
        questions=tuple(_questions(item.get("qa"), turn_ids)),
    )


def parse_time(text: str) -> datetime:
    """Read "1:56 pm on 8 May, 2023", or ISO 8601; ValueError otherwise."""
    try:
        return datetime.strptime(text, _DATE_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        time = datetime.fromisoformat(text)
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _load(path: Path) -> list[Any]:
    try:
        items = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConversationError(f"{path}: {error.strerror or 'cannot be read'}") from error
    except (ValueError, RecursionError) as error:
        raise ConversationError(f"{path} is not a JSON file") from error
    if not isinstance(items, list):
        raise ConversationError(f"{path} is not in LoCoMo format, a list of conversations")
    return items


def _sessions(content: Mapping[str, Any]) -> Iterator[Session]:
    numbers = sorted(int(match[1]) for key in content if (match := _SESSION_KEY.fullmatch(key)))
    for number in numbers:
        key = f"session_{number}"
        turns = content.get(key)
        spoken = [turn for turn in turns if _spoken(turn)] if isinstance(turns, list) else []
        if spoken:
            time = _session_time(content, f"{key}_date_time")
            yield Session(id=key, time=time, turns=_turns(spoken, number, time))


def _session_time(content: Mapping[str, Any], key: str) -> datetime:
    try:
        return parse_time(_text(content.get(key)))
    except ValueError as error:
        # A made-up date would make wrong memories: "yesterday" is resolved against it.
        raise ConversationError(f"{key} is not like '1:56 pm on 8 May, 2023'") from error


def _turns(spoken: list[dict[str, Any]], session: int, start: datetime) -> tuple[Turn, ...]:
    turns: dict[str, Turn] = {}
    for place, turn in enumerate(spoken):
        turn_id = _text(turn.get("dia_id"))
        # Ids of digits only are the service's own.
        if not turn_id or turn_id.isdecimal() or turn_id in turns:
            turn_id = f"D{session}:turn-{place + 1}"
        time = start + place * _TURN_DISTANCE
        turns[turn_id] = Turn(turn_id, _text(turn.get("speaker")), _spoken(turn), time)
    return tuple(turns.values())


def _spoken(turn: object) -> str:
    if not isinstance(turn, dict):
        return ""
    caption = _text(turn.get("blip_caption"))
    picture = f"[shares a photo: {caption}]" if caption else ""
    return f"{_text(turn.get('text'))} {picture}".strip()


def _speakers(content: Mapping[str, Any], sessions: tuple[Session, ...]) -> tuple[str, ...]:
    named = [_text(content.get(key)) for key in ("speaker_a", "speaker_b")]
    heard = [turn.speaker for session in sessions for turn in session.turns]
    return tuple(dict.fromkeys(name for name in [*named, *heard] if name))


def _questions(entries: object, turn_ids: set[str]) -> Iterator[Question]:
    """Questions that have an answer, and evidence of which every turn is there."""
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or entry.get("answer") is None:
            continue
        evidence = _evidence(entry.get("evidence"))
        question = _text(entry.get("question"))
        if question and evidence and turn_ids.issuperset(evidence):
            yield Question(question, str(entry["answer"]), evidence)


def _evidence(entries: object) -> tuple[str, ...]:
    """Turn ids; some files have several in one string, "D8:6; D9:17"."""
    texts = [_text(entry) for entry in entries] if isinstance(entries, list) else []
    ids = [part for text in texts for part in re.split(r"[;,\s]+", text)]
    return tuple(dict.fromkeys(part for part in ids if part))


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
