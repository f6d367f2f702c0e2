"""Conversations of any length, made from templates: the same words every time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle

from agentmemory.v1 import memory_pb2

_START = datetime(2025, 3, 3, 9, 30, tzinfo=UTC)
_SPEAKERS = ("Nora", "Tom")

# Cycles of lengths that share no factor: hundreds of turns before the same sentence comes back.
# The two turns about a relative belong together: who "she" is, is said in the turn before.
_TURNS = (
    "I work as {job} in {city}.",
    "My sister {woman} lives in {city}.",
    "She teaches music to children.",
    "I visited {city} last Monday.",
    "Haha, nice!",
    "I really like {food}, but I don't eat meat.",
    "{man} moved to {city} in May 2024.",
    "What do you think about it?",
    "I'm going to run the {city} marathon next month.",
    "I prefer {food} for breakfast.",
    "Yesterday I bought a new bicycle from {man}.",
    "{woman} has two cats and works at {company}.",
    "I am allergic to {food}.",
)
_WORDS = {
    "job": ("a nurse", "a carpenter", "an architect", "a pilot", "a baker"),
    "city": ("Porto", "Leipzig", "Toronto", "Kyoto", "Bergen", "Lyon", "Oslo"),
    "food": ("oatmeal", "mango", "rye bread", "yoghurt"),
    "woman": ("Clara", "Ines", "Ruth"),
    "man": ("Peter", "Paul", "David", "Leo", "Oscar", "Felix", "Daniel", "Jonas", "Simon"),
    "company": ("Siemens", "Nestle"),
}
_REPLY_EVERY = 11


def conversation(turns: int) -> list[memory_pb2.Message]:
    """Return two people's talk, with an assistant's word now and then, an hour from turn to turn.

    Ids and times are set, so that it says the same whenever and however it is appended.
    """
    return [_message(number, text) for number, text in zip(range(turns), _texts(), strict=False)]


def _message(number: int, text: str) -> memory_pb2.Message:
    message = memory_pb2.Message(id=f"turn-{number + 1}", role=memory_pb2.ROLE_USER, content=text)
    if number % _REPLY_EVERY == _REPLY_EVERY - 1:
        message.role = memory_pb2.ROLE_ASSISTANT
        message.content = "I live in Atlantis and I love helping you."
    else:
        # Two turns each, so that a pair of turns is one speaker's.
        message.name = _SPEAKERS[number // 2 % 2]
    message.create_time.FromDatetime(_START + timedelta(hours=number))
    return message


def _texts() -> Iterator[str]:
    words = {kind: cycle(choice) for kind, choice in _WORDS.items()}
    for template in cycle(_TURNS):
        used = {kind: next(choice) for kind, choice in words.items() if f"{{{kind}}}" in template}
        yield template.format(**used)


def cut(
    messages: Sequence[memory_pb2.Message], *sizes: int
) -> Iterator[Sequence[memory_pb2.Message]]:
    """Cut messages into batches of these sizes, again and again."""
    start = 0
    for size in cycle(sizes):
        if start >= len(messages):
            return
        yield messages[start : start + size]
        start += size
