"""What is measured on: LoCoMo conversations with their observations, and texts with gold memories.

The files stay where they are; nothing of them is copied into the project.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from extractor_service.domain import Role, Turn

_SESSION_TIME = "%I:%M %p on %d %B, %Y"
_TIME_OF_TEXTS = datetime(2025, 1, 6, 9, 0, tzinfo=UTC)


class CorpusError(Exception):
    """The file is not what it was said to be; the message names the file and nothing in it."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What ought to be remembered of the turn with this index."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """Sessions of turns in their order, and the facts in them; turns count across sessions."""

    name: str
    sessions: tuple[tuple[Turn, ...], ...]
    facts: tuple[Fact, ...]

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The turns of all sessions."""
        return tuple(itertools.chain.from_iterable(self.sessions))


def read_locomo(path: Path, *, captions: bool = False) -> tuple[Conversation, ...]:
    """The conversations of a LoCoMo file; with `captions` a turn tells of the picture shared in it.

    Raises CorpusError when it is none, OSError as `open`.
    """
    try:
        return tuple(_conversation(entry, captions) for entry in json.loads(path.read_text()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorpusError(f"{path} is no LoCoMo file") from error


def read_texts(path: Path, labels: Path) -> tuple[Conversation, ...]:
    """Texts as conversations of one turn, each with the memories that its label asks for.

    Raises CorpusError when a file is not of this shape, OSError as `open`.
    """
    try:
        wanted = {entry["id"]: entry["memories"] for entry in _lines(labels)}
        return tuple(_text(entry, wanted[entry["id"]]) for entry in _lines(path))
    except (ValueError, KeyError, TypeError) as error:
        raise CorpusError(f"{path} and {labels} are no texts with their memories") from error


def _conversation(entry: dict[str, Any], captions: bool) -> Conversation:
    told, name = entry["conversation"], str(entry["sample_id"])
    sessions = tuple(_sessions(told, captions))
    places = {turn.id: i for i, turn in enumerate(itertools.chain.from_iterable(sessions))}
    facts = tuple(Fact(places[turn], text) for turn, text in _facts(entry) if turn in places)
    return Conversation(name, sessions, facts)


def _sessions(told: dict[str, Any], captions: bool) -> Iterator[tuple[Turn, ...]]:
    for number in itertools.count(1):
        if f"session_{number}_date_time" not in told:
            return
        if f"session_{number}" in told:
            said = datetime.strptime(told[f"session_{number}_date_time"], _SESSION_TIME)
            time = said.replace(tzinfo=UTC)
            yield tuple(
                Turn(turn["dia_id"], Role.USER, turn["speaker"], _said(turn, captions), time)
                for turn in told[f"session_{number}"]
            )


def _said(turn: dict[str, Any], captions: bool) -> str:
    text: str = turn["text"]
    if captions and turn.get("blip_caption"):
        return f"{text} [shares a photo: {turn['blip_caption']}]".strip()
    return text


def _facts(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for session in entry["observation"].values():
        for observed in session.values():
            for text, turns in observed:
                for turn in [turns] if isinstance(turns, str) else turns:
                    yield turn, text


def _text(entry: dict[str, str], wanted: list[dict[str, str]]) -> Conversation:
    turn = Turn(entry["id"], Role.USER, "", entry["text"], _TIME_OF_TEXTS)
    return Conversation(
        entry["id"], ((turn,),), tuple(Fact(0, memory["content"]) for memory in wanted)
    )


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    yield from (json.loads(line) for line in path.read_text().splitlines() if line.strip())
