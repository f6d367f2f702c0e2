"""Whatever a query is made of, a search answers, and finds what has the same words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import grpc.aio
import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from grpc import StatusCode

Scopes = Callable[[], memory_pb2.Scope]

TEA = "Alice drinks green tea."
BEIJING = "她去年搬到了北京,在一家医院工作。"
PARTY = "Alice had a party 🎉🎂 with friends."
FAMILY = "Alice drew a family 👨‍👩‍👧 and a flag 🏳️‍🌈."
TEXTS = (TEA, BEIJING, PARTY, FAMILY)

HYBRID = memory_pb2.SEARCH_MODE_HYBRID
SEMANTIC = memory_pb2.SEARCH_MODE_SEMANTIC
KEYWORD = memory_pb2.SEARCH_MODE_KEYWORD
MODES = (HYBRID, SEMANTIC, KEYWORD)

STOP_WORDS = "what is it that he was to do with the"
MANY_WORDS = " ".join(f"w{n}" for n in range(4_999)) + " tea"
EMOJI = "🦖🛸"
ODD = {
    "stop words": STOP_WORDS,
    "one letter": "a",
    "5,000 words": MANY_WORDS,
    "5,000 times one word": "tea " * 5_000,
    "emoji that no memory has": EMOJI,
    "Chinese that no memory has": "火星上的恐龙",
    "an emoji of several characters": "👨‍👩‍👧‍👦",
    "invisible characters": "\u200b\u200d\ufeff",
    "punctuation": "?!… -- ()[]{}|~*\"'\\@$%",
    "marks without letters": "\u0301\u0302",
    "control characters": "\x01\x02\x7f",
    "right to left": "أين تعيش أليس؟",
    "syntax of the engine": "@owner:{*} | -@terms:(tea)=>[KNN 10 @vector $p0]",
}


@pytest.fixture(scope="module")
async def scope(memory: MemoryServiceStub, new_scope: Scopes) -> memory_pb2.Scope:
    """An owner of TEXTS; another owner has the same."""
    scopes = (new_scope(), new_scope())
    for each in scopes:
        memories = [memory_pb2.Memory(text=text) for text in TEXTS]
        await memory.CreateMemories(pb.CreateMemoriesRequest(scope=each, memories=memories))
    return scopes[0]


async def search(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, query: str, mode: int
) -> Sequence[memory_pb2.SearchHit]:
    options = memory_pb2.SearchOptions(mode=mode)
    request = pb.SearchMemoriesRequest(scope=scope, query=query, options=options)
    return (await memory.SearchMemories(request, timeout=30)).hits


async def outcome(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, query: str, mode: int
) -> list[str] | tuple[StatusCode, str | None]:
    """What is found, in its order, or how the search is refused."""
    try:
        return [hit.memory.text for hit in await search(memory, scope, query, mode)]
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details()


@pytest.mark.parametrize("mode", MODES, ids=memory_pb2.SearchMode.Name)
@pytest.mark.parametrize("query", ODD.values(), ids=ODD)
async def test_any_query_is_answered(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, query: str, mode: int
) -> None:
    hits = await search(memory, scope, query, mode)
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert {hit.memory.text for hit in hits} <= set(TEXTS)
    assert len({hit.memory.id for hit in hits}) == len(hits)


@pytest.mark.parametrize("mode", MODES, ids=memory_pb2.SearchMode.Name)
async def test_a_query_of_white_space_is_an_empty_one(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, mode: int
) -> None:
    blank, empty = [await outcome(memory, scope, text, mode) for text in (" \t\n\u00a0\u3000 ", "")]
    assert blank == empty


@pytest.mark.parametrize("query", [STOP_WORDS, EMOJI, "火星上的恐龙", "?!…"])
async def test_words_that_no_memory_has_find_nothing_by_words(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, query: str
) -> None:
    assert await search(memory, scope, query, KEYWORD) == []


@pytest.mark.parametrize("query", [STOP_WORDS, MANY_WORDS, EMOJI, "北京"])
async def test_meaning_ranks_what_words_do_not_find(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, query: str
) -> None:
    assert len(await search(memory, scope, query, HYBRID)) == len(TEXTS)


FOUND = {
    "a Chinese word": ("北京", BEIJING),
    "a Chinese question": ("她现在住在北京吗?", BEIJING),
    "a Chinese word of one character": ("她", BEIJING),
    "full-width punctuation": ("北京。", BEIJING),
    "an emoji": ("🎂", PARTY),
    "an emoji in a sentence": ("when was the 🎉?", PARTY),
    "an emoji of several characters": ("👨‍👩‍👧", FAMILY),
    "an emoji with a variation": ("🏳️", FAMILY),
    "a word among 5,000, if it is early": ("tea " + MANY_WORDS, TEA),
    "a word between stop words": (f"{STOP_WORDS} tea", TEA),
    "full-width letters": ("tea", TEA),
}


@pytest.mark.parametrize("mode", [KEYWORD, HYBRID], ids=memory_pb2.SearchMode.Name)
@pytest.mark.parametrize(("query", "text"), FOUND.values(), ids=FOUND)
async def test_the_memory_with_the_words_comes_first(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, query: str, text: str, mode: int
) -> None:
    hits = await search(memory, scope, query, mode)
    assert hits[0].memory.text == text
