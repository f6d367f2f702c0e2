from __future__ import annotations

import pytest
from redis.asyncio import Redis

from memory_service.domain.errors import ExtractorUnavailable, RevisionNotReached
from memory_service.domain.memory import MemoryType, NewMemory
from memory_service.domain.owner import Owner
from memory_service.domain.search import Arm, SearchMode, Selection
from memory_service.domain.searching import SearchQuery
from memory_service.keyed_locks import KeyedLocks
from memory_service.listing import Listing
from memory_service.long_term import LongTermMemory
from memory_service.names_seen import NamesSeen
from memory_service.page_tokens import PageTokens
from memory_service.rereading import Rereading
from memory_service.retrieval import Retrieval
from memory_service.revisions import Revisions
from memory_service.search import Search
from memory_service.search_metrics import SearchMetrics
from memory_service.store.history import MemoryHistory
from memory_service.store.paging import MemoryPages
from memory_service.store.search import TIMEOUT_MS, MemorySearch, milliseconds
from memory_service.time_travel import TimeTravel
from memory_service.tokens import CounterOnDemand
from tests.support.embedding import FakeEmbedding
from tests.support.extraction import new_world
from tests.support.memories import ALICE, BOB, SHARED, at_angle

VECTORS = {
    "Alice drinks green tea": at_angle(10),
    "Alice lives in Berlin": at_angle(80),
    "Alice owns a kettle": at_angle(30),
    "tea": at_angle(0),
}


@pytest.fixture
def embedding() -> FakeEmbedding:
    return FakeEmbedding(VECTORS)


@pytest.fixture
async def search(redis: Redis, embedding: FakeEmbedding) -> Search:
    world = await new_world(redis)
    engine = MemorySearch(redis)
    long_term = LongTermMemory(
        world.memories, engine, embedding, world.reconciling, KeyedLocks[Owner](), world.clock
    )
    texts = [text for text in VECTORS if text != "tea"]
    new = [NewMemory(f"m{n}", text, MemoryType.SEMANTIC) for n, text in enumerate(texts)]
    await long_term.create(ALICE, new, None)
    await long_term.create(BOB, [NewMemory("b", "Bob drinks tea", MemoryType.SEMANTIC)], None)
    await long_term.create(SHARED, [NewMemory("s", "All drink tea", MemoryType.SEMANTIC)], None)
    revisions = Revisions(world.memories)
    return Search(
        engine,
        Retrieval(engine, embedding, revisions, NamesSeen(), world.clock, SearchMetrics()),
        revisions,
        TimeTravel(MemoryHistory(redis)),
        CounterOnDemand(),
        world.clock,
    )


def query(mode: SearchMode = SearchMode.HYBRID, **fields: object) -> SearchQuery:
    return SearchQuery(
        **{"text": "tea", "mode": mode, "selection": Selection((ALICE,)), "limit": 10, **fields}
    )


async def texts(search: Search, asked: SearchQuery) -> list[str]:
    result = await search.find(asked, time_left=None)
    return [hit.memory.text for hit in result.hits]


async def test_meaning_ranks_by_nearness(search: Search):
    assert await texts(search, query(SearchMode.SEMANTIC)) == [
        "Alice drinks green tea",
        "Alice owns a kettle",
        "Alice lives in Berlin",
    ]


async def test_words_find_only_what_has_them(search: Search, embedding: FakeEmbedding):
    embedding.asked.clear()
    assert await texts(search, query(SearchMode.KEYWORD)) == ["Alice drinks green tea"]
    assert embedding.asked == []


async def test_both_together_explain_themselves(search: Search):
    result = await search.find(query(), time_left=None)
    best = result.hits[0]
    assert best.memory.text == "Alice drinks green tea"
    assert {arm.arm for arm in best.ranked.said} == {Arm.SEMANTIC, Arm.KEYWORD}
    assert len(result.hits) == 3
    assert not result.degraded
    assert result.revision == 3
    assert all(0 <= hit.score <= 1 for hit in result.hits)


async def test_without_the_extractor_words_are_searched_and_it_is_said(search, embedding):
    embedding.down = True
    result = await search.find(query(), time_left=None)
    assert [hit.memory.text for hit in result.hits] == ["Alice drinks green tea"]
    assert result.degraded
    keyword = await search.find(query(SearchMode.KEYWORD), time_left=None)
    assert not keyword.degraded
    with pytest.raises(ExtractorUnavailable):
        await search.find(query(SearchMode.SEMANTIC), time_left=None)


async def test_a_limit_and_a_least_score_cut_the_answer(search: Search):
    assert len(await texts(search, query(SearchMode.SEMANTIC, limit=2))) == 2
    found = await texts(search, query(SearchMode.SEMANTIC, min_score=0.5))
    assert "Alice lives in Berlin" not in found
    assert "Alice drinks green tea" in found


async def test_only_the_owners_asked_for_are_searched(search: Search):
    both = Selection((ALICE, SHARED))
    found = await texts(search, query(SearchMode.KEYWORD, selection=both))
    assert sorted(found) == ["Alice drinks green tea", "All drink tea"]


async def test_a_revision_that_has_not_come_is_not_pretended(search: Search):
    assert await texts(search, query(min_revision=3))
    with pytest.raises(RevisionNotReached):
        await search.find(query(min_revision=4), time_left=None)


async def test_a_query_without_a_word_to_look_for_finds_nothing_by_words(search: Search):
    assert await texts(search, query(SearchMode.KEYWORD, text="?! the")) == []


async def test_the_vector_gets_half_of_the_time_that_is_left(search: Search, embedding):
    embedding.within.clear()
    await search.find(query(), time_left=3.0)
    await search.find(query(), time_left=None)
    first, second = embedding.within
    assert 1.4 < first <= 1.5
    assert second is None


@pytest.mark.parametrize(
    ("left", "ms"), [(None, TIMEOUT_MS), (0.25, 250), (-1, 1), (3600, TIMEOUT_MS)]
)
def test_the_engine_gets_the_time_that_is_left(left: float | None, ms: int):
    assert milliseconds(left) == ms


async def test_pages_follow_each_other_newest_first(search: Search, redis: Redis):
    world = await new_world(redis)
    search_, pages = MemorySearch(redis), MemoryPages(redis)
    listing = Listing(
        search_,
        pages,
        PageTokens(b"s"),
        Revisions(world.memories),
        TimeTravel(MemoryHistory(redis)),
    )
    both = Selection((ALICE, SHARED))
    found, token = [], ""
    for _ in range(4):
        page = await listing.page(both, size=1, arguments=b"a", token=token, min_revision=0)
        assert page.total == 4
        found += [memory.id for memory in page.memories]
        token = page.next_token
    assert token == ""
    assert sorted(found) == ["m0", "m1", "m2", "s"]
    assert [id_ for id_ in found if id_ != "s"] == ["m2", "m1", "m0"]
    with pytest.raises(RevisionNotReached):
        await listing.page(both, size=1, arguments=b"a", token="", min_revision=9)


class FakeReranker:
    """Has an opinion of each text, or none."""

    def __init__(self, opinion: dict[str, float] | None) -> None:
        self.opinion = opinion
        self.asked: list[tuple[str, list[str], float | None]] = []
        self.there = True

    def is_there(self) -> bool:
        return self.there

    async def scores(self, query, texts, *, within=None):
        self.asked.append((query, list(texts), within))
        return None if self.opinion is None else [self.opinion.get(text, 0.01) for text in texts]


async def test_a_reranker_turns_the_order_and_the_rest_stays_below(search: Search):
    before = await texts(search, query(SearchMode.SEMANTIC))
    fake = FakeReranker({before[1]: 0.99})
    search._rereading = Rereading(fake, depth=2, share=0.5)
    after = await texts(search, query(SearchMode.SEMANTIC))
    assert after == [before[1], before[0], *before[2:]]
    assert fake.asked == [("tea", before[:2], None)]


async def test_a_reranker_that_is_not_there_is_not_asked(search: Search):
    search._rereading = Rereading(fake := FakeReranker({}))
    fake.there = False
    assert await texts(search, query())
    assert fake.asked == []


async def test_without_an_opinion_the_order_stays(search: Search):
    before = await texts(search, query())
    search._rereading = Rereading(fake := FakeReranker(None))
    result = await search.find(query(), time_left=10)
    assert [hit.memory.text for hit in result.hits] == before
    [(_, _, within)] = fake.asked
    assert within is not None
    assert 0 < within <= 8
