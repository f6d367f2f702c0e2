"""Which memories and messages a prompt of so many tokens has room for. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from memory_service.domain.budget import PER_MESSAGE, Count, message_tokens
from memory_service.domain.prompt import PromptMessage, ends_with
from memory_service.domain.searching import Hit
from memory_service.domain.session import Role, Summary
from memory_service.prompts.draft import Draft, Form
from memory_service.prompts.wording import ABOUT_MEMORIES, ABOUT_SUMMARY, memory_line

FRAME = 12
"""Tokens of the tags and empty lines around a section, rather more than less."""


@dataclass(frozen=True, slots=True)
class Talk:
    """What was read of a session: of `asked` messages those that may be shown."""

    recent: tuple[PromptMessage, ...] = ()
    summary: Summary = field(default_factory=Summary)
    asked: int = 0


@dataclass(frozen=True, slots=True)
class Costs:
    """About how many tokens each memory takes, and what stands around all of them."""

    lines: tuple[int, ...]
    around: int

    def chosen(self, room: int, already: frozenset[int] = frozenset()) -> frozenset[int]:
        """Return which memories fit into `room` tokens, the best first, those `already` in."""
        found = set(already)
        for i in range(len(self.lines)):
            if self.of(found | {i}) <= room:
                found.add(i)
        return frozenset(found)

    def of(self, chosen: frozenset[int] | set[int]) -> int:
        """Return what these memories take."""
        return self.around + sum(self.lines[i] for i in chosen) if chosen else 0


def costs_of(hits: Sequence[Hit], count: Count) -> Costs:
    """Count what memories take."""
    lines = tuple(count(memory_line(hit.memory)) for hit in hits)
    return Costs(lines, PER_MESSAGE + count(ABOUT_MEMORIES) + FRAME)


def summary_frame(count: Count) -> int:
    """Return how many tokens stand around a summary."""
    return count(ABOUT_SUMMARY) + FRAME


def talk_tokens(talk: Talk, count: Count, query: str) -> int:
    """Return about how many tokens the messages and the summary take beside the query."""
    said = sum(message_tokens(message, count) for message in talk.recent)
    if ends_with(talk.recent, query):
        said -= message_tokens(PromptMessage(Role.USER, query), count)
    text = talk.summary.text
    return said + (PER_MESSAGE + summary_frame(count) + count(text) if text else 0)


def first_within(
    planned: Draft, budget: int, count: Count, forms: frozenset[Form]
) -> tuple[Draft, int]:
    """Return the draft, or the largest smaller one, that is really within the budget.

    The plan adds up what its pieces take; joined, and in another form, they may take a little more.
    """
    tokens = planned.tokens(count, forms)
    for smaller in planned.smaller():
        if tokens <= budget:
            break
        planned, tokens = smaller, smaller.tokens(count, forms)
    return planned, tokens
