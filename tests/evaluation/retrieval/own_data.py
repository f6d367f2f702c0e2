"""Reads conversations and questions of anybody's own, as JSON Lines: see docs/evaluation.md."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .corpus import (
    Conversation,
    CorpusError,
    Question,
    Session,
    Turn,
    conversation,
    read_locomo,
    session_date,
)

Record = dict[str, Any]

_KINDS = ("conversation", "message", "question")
_ROLES = {"user": False, "assistant": True}


def read(path: Path) -> tuple[Conversation, ...]:
    """Read conversations from `.jsonl`, or from LoCoMo's format.

    Raises CorpusError if it is neither, or nothing can be asked of it; OSError as `open`.
    """
    found = read_jsonl(path) if path.suffix == ".jsonl" else read_locomo(path)
    if not any(one.questions for one in found):
        raise CorpusError(f"{path} has no question whose evidence is there")
    return found


def read_jsonl(path: Path) -> tuple[Conversation, ...]:
    """Read JSON Lines. Raises CorpusError, which names the line at fault; OSError as `open`."""
    records = list(_records(path))
    starts = [place for place, record in enumerate(records) if record["kind"] == "conversation"]
    if records and starts[:1] != [0]:
        raise CorpusError(f"{path} does not begin with a conversation")
    parts = itertools.pairwise([*starts, len(records)])
    try:
        return tuple(_conversation(records[start:end]) for start, end in parts)
    except ValueError as error:
        raise CorpusError(f"{path}: {error}") from error


def _records(path: Path) -> Iterator[Record]:
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield _record(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorpusError(
                f"line {number} of {path} is not as docs/evaluation.md says"
            ) from error


def _record(found: Record) -> Record:
    """Return what a line says, with its turn or question made of it."""
    kind = found["kind"]
    if kind not in _KINDS:
        raise ValueError(kind)
    made = {"conversation": lambda each: each["id"], "message": _turn, "question": _question}
    return {**found, "kind": kind, "made": made[kind](found)}


def _turn(found: Record) -> Turn:
    time = datetime.fromisoformat(found["time"])
    return Turn(
        _text(found["id"]),
        _text(found.get("speaker", "")),
        _text(found["text"]),
        time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC),
        tuple(_text(caption) for caption in found.get("pictures", [])),
        _ROLES[found.get("role", "user")],
    )


def _question(found: Record) -> Question:
    evidence = frozenset(_text(id_) for id_ in found["evidence"])
    return Question(_text(found["text"]), _text(found.get("category", "other")), evidence)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(type(value))
    return value


def _conversation(records: list[Record]) -> Conversation:
    messages = [record for record in records if record["kind"] == "message"]
    questions = [record["made"] for record in records if record["kind"] == "question"]
    return conversation(str(records[0]["made"]), _sessions(messages), questions)


def _sessions(messages: Iterable[Record]) -> Iterator[Session]:
    """Sessions in the order in which they begin; one may be left and come back to."""
    by_session: dict[str, list[Turn]] = {}
    for record in messages:
        by_session.setdefault(str(record.get("session", "session")), []).append(record["made"])
    for name, turns in by_session.items():
        yield Session(name, session_date(turns[0].time), tuple(turns))
