"""Plays conversations to the service, and asks it the questions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb

from tests.evaluation.serving import CALL_SECONDS, tell

from .corpus import Conversation, Question, Turn
from .metrics import Hit

if TYPE_CHECKING:
    from tests.evaluation.serving import Stub

NAMESPACE = "evaluation"
LIMIT = 50
"""How many hits are asked for."""

ATTEMPTS = 5
"""How often a question is asked at most where an answer without meaning is no use."""

MODES = {
    "hybrid": memory_pb2.SEARCH_MODE_UNSPECIFIED,  # what nobody asks for is the default
    "semantic": memory_pb2.SEARCH_MODE_SEMANTIC,
    "keyword": memory_pb2.SEARCH_MODE_KEYWORD,
}
TYPES: dict[str, tuple[memory_pb2.MemoryType.ValueType, ...]] = {
    "messages": (memory_pb2.MEMORY_TYPE_MESSAGE,),
    "facts": (),  # the default: facts and events
}
"""What is searched. Facts stand for the turns that they come from."""


class Degraded(Exception):
    """A search had to do without meaning, however often it was asked."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The turns that a question found, the best first, and how long the call took, in seconds.

    `degraded`: it had to do without meaning, because the extractor did not answer in time.
    """

    hits: tuple[Hit, ...]
    seconds: float
    degraded: bool = False


@dataclass(frozen=True, slots=True)
class Asking:
    """How the questions are asked."""

    mode: str = "hybrid"
    searched: str = "messages"

    def request(self, conversation: Conversation, question: Question) -> pb.SearchMemoriesRequest:
        """Return the call for one question: all options but these are the defaults."""
        return pb.SearchMemoriesRequest(
            scope=memory_pb2.Scope(namespace=NAMESPACE, user_id=conversation.name),
            query=question.text,
            limit=LIMIT,
            options=memory_pb2.SearchOptions(mode=MODES[self.mode], types=TYPES[self.searched]),
        )


async def play(stub: Stub, conversation: Conversation, advance: Callable[[int], object]) -> float:
    """Append and flush session after session; return the seconds that it took."""
    start = time.perf_counter()
    for session in conversation.sessions:
        scope = memory_pb2.Scope(
            namespace=NAMESPACE, user_id=conversation.name, session_id=session.id
        )
        # What has no words is not said.
        if messages := [_message(turn) for turn in session.turns if turn.content]:
            await tell(stub, scope, messages)
        advance(len(session.turns))
    return time.perf_counter() - start


async def ask(
    stub: Stub, conversation: Conversation, asking: Asking, advance: Callable[[int], object]
) -> list[Answer]:
    """Ask all questions, one after the other."""
    answers = []
    for question in conversation.questions:
        request = asking.request(conversation, question)
        start = time.perf_counter()
        response = await stub.SearchMemories(request, timeout=CALL_SECONDS)
        seconds = time.perf_counter() - start
        hits = tuple(turns_of(response.hits, asking.searched))
        answers.append(Answer(hits, seconds, response.degraded))
        advance(1)
    return answers


async def hits(stub: Stub, request: pb.SearchMemoriesRequest) -> Sequence[memory_pb2.SearchHit]:
    """Ask until the extractor has answered in time; raises Degraded."""
    for _ in range(ATTEMPTS):
        response = await stub.SearchMemories(request, timeout=CALL_SECONDS)
        if not response.degraded:
            return response.hits
    raise Degraded


def _message(turn: Turn) -> memory_pb2.Message:
    role = memory_pb2.ROLE_ASSISTANT if turn.is_assistant else memory_pb2.ROLE_USER
    message = memory_pb2.Message(id=turn.id, role=role, name=turn.speaker, content=turn.content)
    message.create_time.FromDatetime(turn.time)
    return message


def turns_of(hits: Iterable[memory_pb2.SearchHit], searched: str) -> Iterator[Hit]:
    """Yield the turns behind hits, each once."""
    seen = set()
    for hit in hits:
        for turn in sources_of(hit, searched):
            if turn not in seen:
                seen.add(turn)
                yield Hit(turn, hit.score)


def sources_of(hit: memory_pb2.SearchHit, searched: str) -> Iterator[str]:
    """Yield the turns that a hit stands for: all sources of a fact, the first of a message."""
    for source in hit.memory.sources if searched == "facts" else hit.memory.sources[:1]:
        yield source.message_id


def rankings(answers: Sequence[Answer]) -> list[list[str]]:
    """Return the ids of the turns of each answer."""
    return [[hit.turn for hit in answer.hits] for answer in answers]
