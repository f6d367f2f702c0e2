"""What extraction has to beat: sentences kept as they were said, "Alice: I moved to Oslo."."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from .corpus import Conversation
from .memories import Memory

RATE = 0.9
"""Sentences kept for each turn of the conversation, on average."""

_SEED = 7
_BETWEEN_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n+")


def random_sentences(conversation: Conversation) -> list[Memory]:
    """Sentences drawn by chance from all of them."""
    every = [
        memory for turn in range(len(conversation.turns)) for memory in _said(conversation, turn)
    ]
    kept = random.Random(_SEED).sample(every, min(len(every), _quota(conversation)))
    return sorted(kept, key=lambda memory: memory.turn)


def longest_sentences(conversation: Conversation) -> list[Memory]:
    """Of each turn the longest sentence that is no question; the longest of these."""
    longest = []
    for turn in range(len(conversation.turns)):
        statements = [m for m in _said(conversation, turn) if not m.text.endswith("?")]
        if statements:
            longest.append(max(statements, key=lambda memory: len(memory.text)))
    kept = sorted(longest, key=lambda memory: -len(memory.text))[: _quota(conversation)]
    return sorted(kept, key=lambda memory: memory.turn)


def _quota(conversation: Conversation) -> int:
    return round(RATE * len(conversation.turns))


def _said(conversation: Conversation, turn: int) -> Iterator[Memory]:
    speaker, text = conversation.turns[turn].speaker, conversation.turns[turn].text
    opening = f"{speaker}: " if speaker else ""
    for sentence in _BETWEEN_SENTENCES.split(text):
        if sentence.strip():
            yield Memory(f"{opening}{sentence.strip()}", turn)
