from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from agentmemory.v1 import extractor_service_pb2 as pb
from prometheus_client import CollectorRegistry

from memory_service.domain.beginnings import EXTRACTOR_BYTES
from memory_service.embedding import BATCH, EmbeddingClient
from memory_service.embedding_metrics import EmbeddingMetrics
from service_kit.errors import ServiceError
from tests.support.embedding import any_model, no_model
from tests.support.extractor_peer import ExtractorServer, serving, stub_of
from tests.support.memories import vector
from tests.support.redis import DIMENSION
from tests.support.waiting import wait_until


def lengths(request: pb.EmbedRequest) -> list[bytes]:
    return [vector(len(text)) for text in request.texts]


@pytest.fixture
def server() -> ExtractorServer:
    server = ExtractorServer()
    server.embed = lengths
    return server


@pytest.fixture
async def client(server: ExtractorServer, tmp_path: Path) -> AsyncIterator[EmbeddingClient]:
    async with serving(tmp_path / "e.sock", server), stub_of(tmp_path / "e.sock") as stub:
        yield EmbeddingClient(stub, any_model, dimension=DIMENSION, timeout=10)


async def test_a_query_and_documents_are_embedded_for_their_purpose(client, server):
    assert await client.query("abc") == vector(3)
    assert await client.documents(["a", "ab"]) == [vector(1), vector(2)]
    purposes = [request.purpose for request in server.embedded]
    assert purposes == [pb.EMBED_PURPOSE_QUERY, pb.EMBED_PURPOSE_DOCUMENT]


async def test_many_documents_go_in_batches_and_come_back_in_order(client, server):
    texts = ["x" * n for n in range(1, 2 * BATCH + 3)]
    assert await client.documents(texts) == [vector(len(text)) for text in texts]
    assert [len(request.texts) for request in server.embedded] == [BATCH, BATCH, 2]


async def test_of_a_text_longer_than_the_extractor_takes_the_beginning_counts(client, server):
    longest = "x" + "é" * (EXTRACTOR_BYTES // 2 - 1)
    server.embed = lambda request: [vector(1) for _ in request.texts]
    assert await client.documents(["short", longest + "é", "x" * 256 * 1024])
    assert await client.query(longest + "é")
    sent = [text for request in server.embedded for text in request.texts]
    assert sent == ["short", longest, "x" * EXTRACTOR_BYTES, longest]


async def test_nothing_to_embed_asks_nobody(client, server):
    assert await client.documents([]) == []
    assert server.embedded == []


@pytest.mark.parametrize("code", ["RESOURCE_EXHAUSTED", "INTERNAL", "INVALID_ARGUMENT"])
async def test_an_error_is_no_vector_and_is_told_once(client, server, caplog, code: str):
    caplog.set_level(logging.WARNING)

    def refuse(request: pb.EmbedRequest) -> list[bytes]:
        raise ServiceError(grpc.StatusCode[code], "OVERLOADED", "private text")

    server.embed = refuse
    assert await client.query("a") is None
    assert await client.documents(["a"]) is None
    server.embed = lengths
    assert await client.query("a") == vector(1)
    assert [record.why for record in caplog.records] == [code, ""]
    assert "private text" not in caplog.text


@pytest.mark.parametrize(
    "vectors", [[vector(1)[:-4]], [vector(1) * 2], [b""], [], [vector(1), vector(1)]]
)
async def test_vectors_of_another_length_or_number_are_none_at_all(client, server, vectors):
    server.embed = lambda _: vectors
    assert await client.query("a") is None
    assert await client.documents(["a"]) is None


async def test_a_part_that_fails_fails_the_whole(client, server):
    def second_fails(request: pb.EmbedRequest) -> list[bytes]:
        if len(server.embedded) == 2:
            raise ServiceError(grpc.StatusCode.UNAVAILABLE, "", "")
        return lengths(request)

    server.embed = second_fails
    assert await client.documents(["a"] * (BATCH + 1)) is None


async def test_nobody_there_is_no_vector(tmp_path: Path):
    async with stub_of(tmp_path / "nobody.sock") as stub:
        client = EmbeddingClient(stub, any_model, dimension=DIMENSION, timeout=10)
        assert await client.documents(["a"]) is None


class Silent:
    """A stub that only notes how long it may take."""

    def __init__(self) -> None:
        self.timeouts: list[float] = []
        self.vectors: list[bytes] = []

    async def Embed(self, request, timeout):  # noqa: ASYNC109, N802
        self.timeouts.append(timeout)
        return pb.EmbedResponse(vectors=self.vectors)


async def test_a_query_waits_no_longer_than_asked_for_nor_than_the_limit():
    stub = Silent()
    client = EmbeddingClient(stub, any_model, dimension=DIMENSION, timeout=2)
    for within in (None, 0.5, 9, 0.0):
        await client.query("a", within=within)
    await client.documents(["a"])
    assert stub.timeouts == [2, 0.5, 2, 0.0, 2]


async def test_documents_wait_no_longer_than_asked_for_over_all_batches():
    stub = Silent()
    stub.vectors = [vector(1)] * BATCH
    client = EmbeddingClient(stub, any_model, dimension=DIMENSION, timeout=2)
    for within in (None, 0.5, 9, 0.0):
        await client.documents(["a"] * 2 * BATCH, within=within)
    first, second = stub.timeouts[::2], stub.timeouts[1::2]
    assert first[0] == second[0] == first[2] == second[2] == 2
    assert 0.5 >= first[1] > second[1]
    assert first[3] == second[3] == 0.0


async def test_a_caller_who_is_cancelled_is_cancelled(client, server):
    task = asyncio.create_task(client.query("a"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_vectors_of_a_model_that_is_not_accepted_are_not_used(server, tmp_path: Path):
    async with serving(tmp_path / "e.sock", server), stub_of(tmp_path / "e.sock") as stub:
        client = EmbeddingClient(stub, no_model, dimension=DIMENSION, timeout=10)
        assert await client.query("abc") is None
        assert await client.documents(["a"]) is None


async def test_calls_are_counted_by_purpose_and_outcome(server, tmp_path: Path):
    registry = CollectorRegistry()
    options = {"dimension": DIMENSION, "timeout": 10, "metrics": EmbeddingMetrics(registry)}
    async with serving(tmp_path / "e.sock", server), stub_of(tmp_path / "e.sock") as stub:
        client = EmbeddingClient(stub, any_model, **options)
        assert await client.query("abc")
        assert await client.documents(["a"])
    async with stub_of(tmp_path / "nobody.sock") as stub:
        assert await EmbeddingClient(stub, any_model, **options).query("abc") is None

    def calls(purpose: str, outcome: str) -> float | None:
        labels = {"purpose": purpose, "outcome": outcome}
        return registry.get_sample_value("memory_embed_calls_total", labels)

    assert calls("query", "ok") == calls("document", "ok") == calls("query", "UNAVAILABLE") == 1
    labels = {"purpose": "query"}
    await wait_until(
        lambda: registry.get_sample_value("memory_embed_seconds_count", labels) == 2,
        "both calls are told of",
    )
