from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from agentmemory.v1 import extractor_service_pb2 as pb

from extractor_service import translate, translate_facts, translate_rerank
from memory_service.domain.beginnings import EXTRACTOR_BYTES
from memory_service.reranking import ASK_AGAIN_SECONDS, MAX_TEXTS, RerankClient
from service_kit.errors import ServiceError
from tests.support.extractor_peer import ExtractorServer, serving, stub_of
from tests.support.extractor_server import FakeRules, served
from tests.support.waiting import wait_until


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def lengths(request: pb.RerankRequest) -> list[float]:
    return [len(text) / 1000 for text in request.texts]


def fails_with(code: str):
    def refuse(request: pb.RerankRequest) -> list[float]:
        raise ServiceError(grpc.StatusCode[code], "INTERNAL", "private text")

    return refuse


class Hanging(ExtractorServer):
    """Answers only while the gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.asked = 0

    async def Rerank(self, request, context):  # noqa: N802
        self.asked += 1
        await self.gate.wait()
        return await super().Rerank(request, context)


@pytest.fixture
def server() -> ExtractorServer:
    server = ExtractorServer()
    server.rerank = lengths
    return server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def client(
    server: ExtractorServer, clock: Clock, tmp_path: Path
) -> AsyncIterator[RerankClient]:
    async with serving(tmp_path / "e.sock", server), stub_of(tmp_path / "e.sock") as stub:
        yield RerankClient(stub, timeout=10, clock=clock)


async def test_each_text_gets_the_score_that_the_extractor_gives_it(client, server):
    assert await client.scores("q", ["a", "ab"]) == [0.001, 0.002]
    assert [(request.query, list(request.texts)) for request in server.reranked] == [
        ("q", ["a", "ab"])
    ]


async def test_nothing_to_rerank_asks_nobody(client, server):
    assert await client.scores("q", []) == []
    assert server.reranked == []


@pytest.mark.parametrize("code", ["FAILED_PRECONDITION", "UNIMPLEMENTED"])
async def test_that_there_is_no_reranker_is_remembered_for_a_while_and_no_warning(
    client, server, clock: Clock, caplog, code: str
):
    caplog.set_level(logging.WARNING)
    server.rerank = fails_with(code)
    assert client.is_there()
    assert await client.scores("q", ["a"]) is None
    server.rerank = lengths
    clock.now += ASK_AGAIN_SECONDS - 1
    assert not client.is_there()
    assert len(server.reranked) == 1
    clock.now += 1
    assert not client.is_there()
    await wait_until(client.is_there, "the reranker is found")
    assert len(server.reranked) == 2
    assert await client.scores("q", ["a"]) == [0.001]
    assert caplog.records == []


async def test_an_extractor_that_hangs_is_asked_again_by_nobody_who_waits(tmp_path: Path):
    path, clock, hanging = tmp_path / "e.sock", Clock(), Hanging()
    async with serving(path, hanging), stub_of(path) as stub:
        client = RerankClient(stub, timeout=0.05, clock=clock)
        hanging.rerank = fails_with("FAILED_PRECONDITION")
        hanging.gate.set()
        assert await client.scores("q", ["a"]) is None
        hanging.gate.clear()
        for asked in (2, 3):
            clock.now += ASK_AGAIN_SECONDS
            assert [client.is_there() for _ in range(100)] == [False] * 100
            await wait_until(lambda asked=asked: hanging.asked == asked, "it is asked")
            await wait_until(client._asking.done, "it is given up")
            assert [client.is_there() for _ in range(100)] == [False] * 100
            assert hanging.asked == asked
        hanging.gate.set()


async def test_a_reranker_that_begins_to_hang_is_done_without_until_it_answers(tmp_path: Path):
    path, clock, hanging = tmp_path / "e.sock", Clock(), Hanging()
    async with serving(path, hanging), stub_of(path) as stub:
        client = RerankClient(stub, timeout=0.05, clock=clock)
        assert await client.scores("q", ["a"], within=0.01) is None
        await wait_until(lambda: not client.is_there(), "it is known to hang")
        hanging.gate.set()
        hanging.rerank = lengths
        clock.now += ASK_AGAIN_SECONDS
        await wait_until(client.is_there, "it is known to answer")


async def test_a_search_that_had_too_little_time_takes_no_reranker_from_others(tmp_path: Path):
    path, hanging = tmp_path / "e.sock", Hanging()
    async with serving(path, hanging), stub_of(path) as stub:
        client = RerankClient(stub, timeout=30)
        assert await client.scores("q", ["a"], within=0.01) is None
        hanging.rerank = lengths
        hanging.gate.set()
        await wait_until(client._asking.done, "it was asked")
        assert client.is_there()


@pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "INVALID_ARGUMENT"])
async def test_any_other_error_is_no_score_this_time_and_is_told_once(
    client, server, caplog, code: str
):
    caplog.set_level(logging.WARNING)
    server.rerank = fails_with(code)
    assert await client.scores("q", ["a"]) is None
    assert await client.scores("q", ["a"]) is None
    server.rerank = lengths
    assert await client.scores("q", ["a"]) == [0.001]
    assert [record.why for record in caplog.records] == [code, ""]
    assert "private text" not in caplog.text


@pytest.mark.parametrize("scores", [[], [0.5, 0.5], [float("nan")], [1.5], [-0.1]])
async def test_what_is_not_one_score_of_0_to_1_per_text_is_none_at_all(client, server, scores):
    server.rerank = lambda _: scores
    assert await client.scores("q", ["a"]) is None


async def test_nobody_there_is_no_score(tmp_path: Path):
    async with stub_of(tmp_path / "nobody.sock") as stub:
        assert await RerankClient(stub, timeout=10).scores("q", ["a"]) is None


async def test_an_extractor_that_does_not_answer_in_time_is_not_waited_for(tmp_path: Path):
    path, hanging = tmp_path / "e.sock", Hanging()
    async with serving(path, hanging), stub_of(path) as stub:
        client = RerankClient(stub, timeout=30)
        async with asyncio.timeout(10):
            assert await client.scores("q", ["a"], within=0.05) is None
        hanging.gate.set()


class Silent:
    """A stub that only notes how long it may take."""

    def __init__(self) -> None:
        self.timeouts: list[float] = []

    async def Rerank(self, request, timeout):  # noqa: ASYNC109, N802
        self.timeouts.append(timeout)
        return pb.RerankResponse()


async def test_it_waits_no_longer_than_asked_for_nor_than_the_limit():
    stub = Silent()
    client = RerankClient(stub, timeout=2)
    for within in (None, 0.5, 9, 0.0):
        await client.scores("q", ["a"], within=within)
    assert stub.timeouts == [2, 0.5, 2, 0.0]


async def test_a_long_text_is_cut_in_whole_characters_to_what_the_extractor_takes(client, server):
    await client.scores("北" * 20_000, ["a" + "北" * 20_000])
    [request] = server.reranked
    assert request.query == "北" * (EXTRACTOR_BYTES // 3)
    assert request.texts == ["a" + "北" * ((EXTRACTOR_BYTES - 1) // 3)]


def test_the_limits_are_those_of_the_extractor():
    assert translate_rerank.MAX_TEXTS == MAX_TEXTS
    assert translate_rerank.MAX_TEXT_BYTES == EXTRACTOR_BYTES
    assert translate_facts.MAX_TEXT_BYTES == EXTRACTOR_BYTES
    assert translate.MAX_EMBED_TEXT_BYTES == EXTRACTOR_BYTES


async def test_a_real_extractor_without_a_reranker_has_no_scores():
    async with served(FakeRules().ruleset) as extractor:
        assert await RerankClient(extractor.stub, timeout=10).scores("q", ["a"]) is None
