from __future__ import annotations

import asyncio

import pytest

from extractor_service.embed_queue import (
    Call,
    EmbedQueue,
    QueueFull,
    Waiting,
    estimated_tokens,
    oldest_and_alike,
)
from extractor_service.embedder import Purpose

QUERY, DOCUMENT = Purpose.QUERY, Purpose.DOCUMENT
BIG = 10_000


def call(*texts: str, purpose: Purpose = DOCUMENT) -> Call:
    return Call(texts, purpose, asyncio.get_running_loop().create_future())


def put(queue: EmbedQueue, *texts: str, purpose: Purpose = DOCUMENT) -> Call:
    added = call(*texts, purpose=purpose)
    queue.add(added, 256, 0)
    return added


def taken(queue: EmbedQueue, budget: int = BIG) -> list[str]:
    return [entry.text for entry in queue.take(budget)[1]]


def waiting(*lengths: int) -> list[Waiting]:
    return [Waiting(str(position), tokens, 0) for position, tokens in enumerate(lengths)]


@pytest.mark.parametrize(
    ("lengths", "budget", "batch"),
    [
        ([10], 5, [10]),  # too long for any batch, and still embedded
        ([10, 11, 90, 9], 33, [10, 11, 9]),
        ([10, 10, 10], 20, [10, 10]),
        ([90, 10, 10, 10], 120, [90]),
        ([10, 90, 10, 90], 200, [10, 10]),
        ([10, 30, 20], 90, [10, 20, 30]),
        ([10, 30, 20], 89, [10, 20]),
    ],
)
def test_a_batch_is_the_oldest_text_and_others_of_like_length_within_the_padded_budget(
    lengths: list[int], budget: int, batch: list[int]
):
    assert [w.tokens for w in oldest_and_alike(waiting(*lengths), budget)] == batch


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 2), ("a" * 40, 12), ("北" * 40, 32), ("a" * 5000, 256), ("\ud800", 2)]
)
def test_tokens_are_estimated_from_bytes_and_cut_off_where_the_model_cuts(text: str, tokens: int):
    assert estimated_tokens(text, 256) == tokens


async def test_a_full_queue_takes_none_of_a_call():
    queue = EmbedQueue(limit=3)
    put(queue, "a", "b")

    with pytest.raises(QueueFull):
        put(queue, "c", "d")

    assert queue.depth == 2
    put(queue, "c")
    assert sorted(taken(queue)) == ["a", "b", "c"]


async def test_a_call_longer_than_the_limit_is_taken_when_nothing_waits():
    queue = EmbedQueue(limit=1)
    put(queue, "a", "b", "c")

    assert queue.depth == 3


async def test_a_text_asked_for_twice_is_taken_once_and_counted_twice():
    queue = EmbedQueue(limit=9)
    put(queue, "a", "a")
    put(queue, "a", "b")

    assert queue.depth == 4
    assert sorted(taken(queue)) == ["a", "b"]
    assert queue.depth == 0


async def test_the_same_text_as_query_and_as_document_is_two_texts():
    queue = EmbedQueue(limit=9)
    put(queue, "a", purpose=DOCUMENT)
    put(queue, "a", purpose=QUERY)

    assert [queue.take(BIG)[0], queue.take(BIG)[0]] == [QUERY, DOCUMENT]


async def test_queries_go_first_but_in_turn_with_documents():
    queue = EmbedQueue(limit=9)
    put(queue, "d1", "d2", purpose=DOCUMENT)
    put(queue, "q1", "q2", "q3", purpose=QUERY)

    assert [taken(queue, budget=1)[0] for _ in range(5)] == ["q1", "d1", "q2", "d2", "q3"]


async def test_withdrawn_texts_are_gone_unless_another_call_wants_them():
    queue = EmbedQueue(limit=9)
    first = put(queue, "a", "b", "a")
    put(queue, "b")
    queue.withdraw(first)

    assert queue.depth == 1
    assert taken(queue) == ["b"]


async def test_withdrawing_what_was_taken_changes_nothing():
    queue = EmbedQueue(limit=9)
    first = put(queue, "a")
    queue.take(BIG)
    queue.withdraw(first)

    assert queue.depth == 0
