"""What a search does beside the making of its vector, and what becomes of a wrong guess."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from memory_service.deadline import Deadline
from memory_service.domain.errors import RevisionNotReached
from memory_service.domain.memory import MemoryType, NewMemory
from memory_service.domain.owner import Owner
from memory_service.domain.search import SearchMode, Selection
from memory_service.domain.searching import SearchQuery
from memory_service.keyed_locks import KeyedLocks
from memory_service.long_term import LongTermMemory
from memory_service.names_seen import NamesSeen
from memory_service.retrieval import Retrieval
from memory_service.revisions import Revisions
from memory_service.search_metrics import SearchMetrics
from memory_service.store.keys import OwnerKeys
from memory_service.store.search import MemorySearch
from tests.support.embedding import FakeEmbedding
from tests.support.extraction import new_world
from tests.support.memories import ALICE, at_angle

NEVER = Deadline.after(None)
QUESTION = "Does Ann drink tea?"
WITHOUT_HER_NAME = "Does drink tea?"
VECTORS = {
    "Somebody drinks tea": at_angle(10),
    "Somebody owns a kettle": at_angle(70),
    QUESTION: at_angle(80),
    WITHOUT_HER_NAME: at_angle(0),
}


class WatchedSearch(MemorySearch):
    """Tells when words were looked for."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis)
        self.had_words = asyncio.Event()

    async def by_words(self, asks, words, timeout_ms):
        found = await super().by_words(asks, words, timeout_ms)
        self.had_words.set()
        return found


@pytest.fixture
def embedding() -> FakeEmbedding:
    return FakeEmbedding(VECTORS)


@pytest.fixture
def engine(redis: Redis) -> WatchedSearch:
    return WatchedSearch(redis)


@pytest.fixture
async def retrieval(redis: Redis, engine: WatchedSearch, embedding: FakeEmbedding) -> Retrieval:
    world = await new_world(redis)
    long_term = LongTermMemory(
        world.memories, engine, embedding, world.reconciling, KeyedLocks[Owner](), world.clock
    )
    texts = [text for text in VECTORS if text.startswith("Somebody")]
    new = [NewMemory(f"m{n}", text, MemoryType.SEMANTIC) for n, text in enumerate(texts)]
    await long_term.create(ALICE, new, None)
    embedding.asked.clear()
    revisions = Revisions(world.memories)
    return Retrieval(engine, embedding, revisions, NamesSeen(), world.clock, SearchMetrics())


def question(mode: SearchMode = SearchMode.SEMANTIC, min_revision: int = 0) -> SearchQuery:
    return SearchQuery(QUESTION, mode, Selection((ALICE,)), limit=10, min_revision=min_revision)


async def found(retrieval: Retrieval) -> list[str]:
    ranked = (await retrieval.find(question(), NEVER)).ranked
    return [each.found.key[1] for each in ranked]


async def introduce_ann(redis: Redis) -> None:
    await redis.sadd(OwnerKeys(ALICE).speakers, "Ann")


async def test_a_query_is_embedded_once_without_the_names_of_those_who_talk(
    redis: Redis, retrieval: Retrieval, embedding: FakeEmbedding
):
    await introduce_ann(redis)
    for _ in range(2):
        assert await found(retrieval) == ["m0", "m1"]
    assert embedding.asked == [WITHOUT_HER_NAME] * 2


async def test_a_name_that_came_since_the_last_search_is_not_overlooked(
    redis: Redis, retrieval: Retrieval, embedding: FakeEmbedding
):
    assert await found(retrieval) == ["m1", "m0"]
    await introduce_ann(redis)
    assert await found(retrieval) == ["m0", "m1"]
    assert embedding.asked == [QUESTION, QUESTION, WITHOUT_HER_NAME]
    assert await found(retrieval) == ["m0", "m1"]
    assert embedding.asked[3:] == [WITHOUT_HER_NAME]


async def test_an_extractor_that_gave_no_vector_is_not_asked_for_a_second(
    redis: Redis, retrieval: Retrieval, embedding: FakeEmbedding
):
    await found(retrieval)
    await introduce_ann(redis)
    embedding.asked.clear()
    embedding.down = True
    assert (await retrieval.find(question(SearchMode.HYBRID), NEVER)).degraded
    assert embedding.asked == [QUESTION]


async def test_who_talks_is_read_once_in_a_search_whether_it_was_known_or_not(
    retrieval: Retrieval, monkeypatch: pytest.MonkeyPatch
):
    read = []
    real = Revisions.reached_with_names

    async def counted(*args):
        read.append(args)
        return await real(*args)

    monkeypatch.setattr(Revisions, "reached_with_names", counted)
    await found(retrieval)
    assert len(read) == 1
    await found(retrieval)
    assert len(read) == 2


async def test_words_are_looked_for_while_the_vector_is_made(
    retrieval: Retrieval, engine: WatchedSearch, embedding: FakeEmbedding
):
    async def until_words_were_found() -> None:
        await engine.had_words.wait()

    embedding.before = until_words_were_found
    async with asyncio.timeout(10):
        first = await retrieval.find(question(SearchMode.HYBRID), NEVER)
        engine.had_words.clear()
        again = await retrieval.find(question(SearchMode.HYBRID), NEVER)
    assert not first.degraded
    assert [each.score for each in first.ranked] == [each.score for each in again.ranked]


async def test_a_search_that_fails_withdraws_the_call_for_its_vector(
    retrieval: Retrieval, embedding: FakeEmbedding
):
    withdrawn = asyncio.Event()

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            withdrawn.set()

    await found(retrieval)
    embedding.before = forever
    with pytest.raises(RevisionNotReached):
        await retrieval.find(question(min_revision=99), NEVER)
    assert withdrawn.is_set()


async def test_without_a_vector_facts_that_were_only_to_vote_are_not_shown(
    retrieval: Retrieval, embedding: FakeEmbedding
):
    embedding.down = True
    turns = Selection((ALICE,), types=(MemoryType.MESSAGE,))
    asked = SearchQuery("tea", SearchMode.HYBRID, turns, limit=10)
    answer = await retrieval.find(asked, NEVER)
    assert answer.degraded
    assert list(answer.ranked) == []
