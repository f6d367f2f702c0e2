"""What is measured on: conversations, and questions with the turns that answer them.

The files stay where they are; nothing of them is copied into the project.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ADVERSARIAL = "adversarial"
"""The category of questions that the conversation does not answer as they are put."""

CATEGORIES = {
    1: "multi-hop",
    2: "temporal",
    3: "open-domain",
    4: "single-hop",
    5: ADVERSARIAL,
}
"""LoCoMo's numbers."""

_SESSION = re.compile(r"session_(\d+)")
_SESSION_TIME = "%I:%M %p on %d %B, %Y"
_TURN_DISTANCE = timedelta(minutes=1)


class CorpusError(Exception):
    """The file is not what it was said to be; the message names the file and nothing in it."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What somebody says at a time; `pictures` are the captions of what is shown."""

    id: str
    speaker: str
    text: str
    time: datetime
    pictures: tuple[str, ...] = ()
    is_assistant: bool = False

    @property
    def content(self) -> str:
        """The message that an application would append."""
        shown = f"[shares a photo: {'; '.join(self.pictures)}]" if self.pictures else ""
        return f"{self.text} {shown}".strip()


@dataclass(frozen=True, slots=True)
class Session:
    """The turns of one sitting, and its date as the retrievers are shown it."""

    id: str
    date: str
    turns: tuple[Turn, ...]

    @property
    def documents(self) -> tuple[str, ...]:
        """Each turn as LMEB gives it to a retriever."""
        return tuple(
            " ".join([f"{self.date} {turn.speaker}: {turn.text}", *turn.pictures])
            for turn in self.turns
        )


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and the ids of the turns that answer it: at least one, all of them there."""

    text: str
    category: str
    evidence: frozenset[str]


@dataclass(frozen=True, slots=True)
class Conversation:
    """Sessions of one user; the ids of turns are unique across them."""

    name: str
    sessions: tuple[Session, ...]
    questions: tuple[Question, ...]
    left_out: int = 0
    """Questions of whose evidence no turn is there."""

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The turns of all sessions."""
        return tuple(itertools.chain.from_iterable(s.turns for s in self.sessions))

    @property
    def documents(self) -> tuple[str, ...]:
        """The documents of all turns."""
        return tuple(itertools.chain.from_iterable(s.documents for s in self.sessions))

    def first(self, questions: int) -> Conversation:
        """Return it with so many of its questions at most, evenly spread."""
        step = max(1, -(-len(self.questions) // questions))
        return replace(self, questions=self.questions[::step])


def conversation(
    name: str, sessions: Iterable[Session], questions: Iterable[Question]
) -> Conversation:
    """Put a conversation together; evidence that is not there counts for nothing.

    Raises ValueError if an id is given twice.
    """
    told = tuple(session for session in sessions if session.turns)
    ids = [turn.id for session in told for turn in session.turns]
    if len(set(ids)) < len(ids):
        raise ValueError("the id of a message is given twice")
    asked = [replace(q, evidence=q.evidence & set(ids)) for q in questions]
    answered = tuple(question for question in asked if question.evidence)
    return Conversation(name, told, answered, left_out=len(asked) - len(answered))


def session_date(time: datetime) -> str:
    """Return a time as LoCoMo writes those of sessions: "1:56 pm on 8 May, 2023"."""
    clock = f"{time.hour % 12 or 12}:{time:%M} {'am' if time.hour < 12 else 'pm'}"
    return f"{clock} on {time.day} {time:%B, %Y}"


def read_locomo(path: Path) -> tuple[Conversation, ...]:
    """Read a LoCoMo file. Raises CorpusError if it is none, OSError as `open`."""
    try:
        return tuple(_conversation(entry) for entry in json.loads(path.read_text("utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorpusError(f"{path} is no LoCoMo file") from error


def _conversation(entry: dict[str, Any]) -> Conversation:
    return conversation(
        str(entry["sample_id"]),
        _sessions(entry["conversation"]),
        (_question(asked) for asked in entry["qa"]),
    )


def _sessions(told: dict[str, Any]) -> Iterator[Session]:
    for number in sorted(int(match[1]) for key in told if (match := _SESSION.fullmatch(key))):
        name = f"session_{number}"
        date = told[f"{name}_date_time"]
        start = datetime.strptime(date, _SESSION_TIME).replace(tzinfo=UTC)
        turns = (
            _turn(turn, start + place * _TURN_DISTANCE) for place, turn in enumerate(told[name])
        )
        yield Session(name, date, tuple(turns))


def _turn(turn: dict[str, Any], time: datetime) -> Turn:
    pictures = tuple(shown for key in ("blip_caption", "query") if (shown := turn.get(key)))
    return Turn(turn["dia_id"], turn["speaker"], turn["text"], time, pictures)


def _question(asked: dict[str, Any]) -> Question:
    # Some files have several ids in one string, "D8:6; D9:17".
    ids = {part for text in asked["evidence"] for part in re.split(r"[;,\s]+", text) if part}
    return Question(asked["question"], CATEGORIES[asked["category"]], frozenset(ids))
