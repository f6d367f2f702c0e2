"""Memories by the rules alone, in this process."""

from __future__ import annotations

import time
from collections.abc import Callable

from extractor_service.domain import Finding
from extractor_service.rules import CONTEXT_TURNS, RulesExtractor

from .corpus import Conversation
from .memories import Memory


def extract(
    rules: RulesExtractor, conversation: Conversation, advance: Callable[[], None]
) -> tuple[list[Memory], float]:
    """The memories of a conversation, and the seconds they took; `advance` is called each turn."""
    memories: list[Memory] = []
    seconds, place = 0.0, 0
    for session in conversation.sessions:
        for i, turn in enumerate(session):
            before = time.perf_counter()
            found = rules.extract(turn, session[max(0, i - CONTEXT_TURNS) : i])
            seconds += time.perf_counter() - before
            memories += [_memory(finding, place) for finding in found]
            place += 1
            advance()
    return memories, seconds


def _memory(finding: Finding, turn: int) -> Memory:
    time_of_event = finding.event_time.time if finding.event_time else None
    return Memory(finding.text, turn, finding.source.start, finding.source.end, time_of_event)
