"""Measure what the whole service remembers against facts that people would want remembered.

Starts a stack of its own with the bundled model and nothing in it, appends each conversation as
an application would, flushes each session, and reads the memories back with their sources, those
that others have taken the place of included. They are scored as the rules alone are (`python -m
tests.evaluation.extraction`); turns a second are of appending and flushing, one session at a time.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING

from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from rich.progress import Progress

from extractor_service.domain import Turn
from memory_service.domain.errors import StoreUnavailable
from memory_service.embedded import EmbeddedRedisError
from service_kit.children import ChildError
from tests.evaluation.progress import progress_bar
from tests.evaluation.serving import CALL_SECONDS, served, tell

from . import command
from .corpus import Conversation, CorpusError
from .memories import Memory, Passage
from .report import Measured
from .scoring import Scorer

if TYPE_CHECKING:
    # The asynchronous stub is a type only; a MemoryServiceStub on an aio channel is one.
    from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceAsyncStub

MODULE = "tests.evaluation.extraction.by_service"
_WAY = "service"
_PAGE = 200


@dataclass(frozen=True)
class Played:
    """What became of a conversation: memories, the seconds that they took, and who found them."""

    memories: list[Memory]
    seconds: float
    extractors: frozenset[str]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print and write; 2 after one line on stderr if a file cannot be read, 1 likewise."""
    arguments = command.parse(argv, MODULE, __doc__)
    try:
        told = command.corpora(arguments, captions=True)
        said = command.corpora(arguments)
        with progress_bar() as progress:
            played = asyncio.run(_played(told, progress))
            scorer = Scorer()
            found = {
                name: {
                    _WAY: _scored(scorer, told[name], played[name], progress),
                    # A caption is no sentence of anybody's.
                    **scorer.baselines(said[name], progress),
                }
                for name in told
            }
    except (OSError, CorpusError) as error:
        print(f"cannot measure: {error}", file=sys.stderr)
        return 2
    except (ChildError, EmbeddedRedisError, StoreUnavailable) as error:
        print(f"cannot measure: {error}", file=sys.stderr)
        return 1
    extractors = {name for each in played.values() for one in each for name in one.extractors}
    command.present(arguments, found, ", ".join(sorted(extractors)), scorer.model)
    return 0


async def _played(corpora: command.Corpora, progress: Progress) -> dict[str, list[Played]]:
    async with served() as stub:
        return {
            name: await _play_all(stub, name, conversations, progress)
            for name, conversations in corpora.items()
        }


async def _play_all(
    stub: MemoryServiceAsyncStub,
    corpus: str,
    conversations: Sequence[Conversation],
    progress: Progress,
) -> list[Played]:
    turns = sum(len(conversation.turns) for conversation in conversations)
    advance = partial(progress.advance, progress.add_task(f"play {corpus}", total=turns))
    return [await play(stub, corpus, conversation, advance) for conversation in conversations]


def _scored(
    scorer: Scorer,
    conversations: Sequence[Conversation],
    played: Sequence[Played],
    progress: Progress,
) -> list[Measured]:
    task = progress.add_task("score", total=len(conversations))
    found = []
    for conversation, one in zip(conversations, played, strict=True):
        found.append(scorer.remembered(conversation, one.memories, one.seconds))
        progress.advance(task)
    return found


async def play(
    stub: MemoryServiceAsyncStub,
    namespace: str,
    conversation: Conversation,
    advance: Callable[[int], object],
) -> Played:
    """Append and flush session after session, for a user named after the conversation."""
    start = time.perf_counter()
    for number, session in enumerate(conversation.sessions, 1):
        scope = memory_pb2.Scope(
            namespace=namespace, user_id=conversation.name, session_id=f"session {number}"
        )
        # What has no words is not said.
        await tell(stub, scope, [_message(turn) for turn in session if turn.text])
        advance(len(session))
    seconds = time.perf_counter() - start
    owner = memory_pb2.Scope(namespace=namespace, user_id=conversation.name)
    found = await _memories(stub, owner)
    places = {turn.id: place for place, turn in enumerate(conversation.turns)}
    return Played(
        sorted((_memory(memory, places) for memory in found), key=lambda memory: memory.turn),
        seconds,
        frozenset(memory.extractor for memory in found),
    )


def _message(turn: Turn) -> memory_pb2.Message:
    message = memory_pb2.Message(
        id=turn.id, role=memory_pb2.ROLE_USER, name=turn.speaker, content=turn.text
    )
    message.create_time.FromDatetime(turn.time)
    return message


async def _memories(
    stub: MemoryServiceAsyncStub, scope: memory_pb2.Scope
) -> list[memory_pb2.Memory]:
    request = pb.ListMemoriesRequest(scope=scope, page_size=_PAGE, include_superseded=True)
    found: list[memory_pb2.Memory] = []
    while True:
        page = await stub.ListMemories(request, timeout=CALL_SECONDS)
        found += page.memories
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


def _memory(memory: memory_pb2.Memory, places: dict[str, int]) -> Memory:
    first, *others = sorted(
        (Passage(places[each.message_id], each.start, each.end) for each in memory.sources),
        key=lambda passage: passage.turn,
    )
    event = memory.event_time.time.ToDatetime(tzinfo=UTC) if memory.HasField("event_time") else None
    return Memory(memory.text, first.turn, first.start, first.end, event, tuple(others))


if __name__ == "__main__":
    sys.exit(main())
