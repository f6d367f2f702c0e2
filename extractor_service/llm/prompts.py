"""The prompts: instructions from the files beside this one, and the conversation as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from extractor_service.domain import Strategy, StrategyKind
from extractor_service.llm.answer import Fault
from extractor_service.llm.conversation import Chunk, as_json, fenced, lines_of

VERSION = "llm-3"
"""Of the prompts and of what is kept of the answers: the same model finds the same with it."""

Messages = list[dict[str, str]]

_HINTS = {
    Fault.CUT_OFF: "Your answer was too long and was cut off. Answer again, with fewer and shorter "
    "items.",
    Fault.NO_JSON: "Your answer was not JSON. Answer again with one JSON object and nothing else.",
    Fault.WRONG_SCHEMA: "Your answer did not have the form that was asked for. Answer again, "
    "exactly in that form.",
    Fault.NOTHING_VALID: "Your sentences could not be used. Answer again: in the third person, "
    "and only with names and facts from the data.",
}


@dataclass(frozen=True, slots=True)
class View:
    """How much of a conversation goes into one prompt, and how much of one message."""

    messages: int
    characters: int


def for_memories(chunk: Chunk, strategy: Strategy, view: View) -> Messages:
    """Ask for memories of the chunk's messages."""
    asked = []
    if strategy.kind is StrategyKind.CUSTOM:
        wanted = as_json({"what_to_extract": strategy.instructions})
        asked.append(fenced("What the caller wants to be extracted", [wanted]))
    if chunk.known:
        known = [
            as_json({"name": k.name, "kind": k.kind, "relation": k.relation, "of": k.of})
            for k in chunk.known
        ]
        asked.append(fenced("Who and what is known from before", known))
    asked.append(_conversation(chunk, view))
    asked.append(f"Give the memories of messages 1 to {len(chunk.messages)} as JSON.")
    parts = [strategy.kind.value, "memories"]
    parts += ["assistant"] if strategy.include_assistant else []
    parts += ["known"] if chunk.known else []
    return _messages("\n".join(map(_text, parts)), asked)


def for_summary(so_far: Sequence[str], chunk: Chunk, max_words: int, view: View) -> Messages:
    """Ask for the sentences of a running summary, given those that it has so far."""
    summary = [as_json({"summary_so_far": list(so_far)})]
    asked = [
        fenced("The summary so far", summary),
        _conversation(chunk, view),
        f"Give the new summary as JSON, in at most {max_words} words.",
    ]
    return _messages(_text("session_summary"), asked)


def hint(fault: Fault) -> dict[str, str]:
    """What to add to a prompt that was answered badly."""
    return {"role": "user", "content": _HINTS[fault]}


def _conversation(chunk: Chunk, view: View) -> str:
    return fenced("The conversation", lines_of(chunk, view.characters))


def _messages(system: str, asked: Sequence[str]) -> Messages:
    return [
        {"role": "system", "content": system},
        {"role": "user", "content": "\n\n".join(asked)},
    ]


@cache
def _text(name: str) -> str:
    return (resources.files(__package__) / "prompts" / f"{name}.md").read_text("utf-8")
