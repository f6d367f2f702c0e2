"""Rerank over a socket, by real files of a cross-encoder."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Sequence

import pytest
from agentmemory.v1 import extractor_service_pb2 as pb
from grpc import StatusCode
from grpc_health.v1 import health_pb2, health_pb2_grpc

from extractor_service import condition
from extractor_service.app import SERVICE, default_loaders
from extractor_service.checks import ready_check
from extractor_service.embedder import ModelInfo
from extractor_service.model import ModelError
from extractor_service.reranker import Pair, Reranker, Scores
from extractor_service.settings import ExtractorSettings
from service_kit.errors import ServiceError, read_error
from tests.support.cross_encoder import MAX_TOKENS, save_cross_encoder
from tests.support.extractor_server import FakeRules, Served, fails, served
from tests.support.waiting import wait_until

QUERY = "Who is a vegetarian?"
TEXTS = ["Alice has not eaten meat for years.", "The train leaves at noon.", "我住在北京。"] * 10
BAD = "bad"


class Gated:
    """A reranker that runs nothing while its gate is closed, fails on one text, or on all."""

    lost = False

    def __init__(self, reranker: Reranker) -> None:
        self.inner = reranker
        self.batches = 0
        self.gate = threading.Event()
        self.gate.set()

    @property
    def info(self) -> ModelInfo:
        return self.inner.info

    def scores(self, pairs: Sequence[Pair]) -> Scores:
        self.batches += 1
        assert self.gate.wait(30)
        if self.lost or any(text == BAD for _, text in pairs):
            raise RuntimeError(BAD)
        return self.inner.scores(pairs)


@pytest.fixture(scope="module")
def reranker(tmp_path_factory: pytest.TempPathFactory) -> Gated:
    folder = save_cross_encoder(tmp_path_factory.mktemp("cross-encoder"))
    settings = ExtractorSettings(model="hash", reranker=folder, device="cpu", torch_threads=1)
    load = default_loaders(settings).reranker
    assert load is not None
    return Gated(load())


@pytest.fixture
async def extractor(reranker: Gated) -> AsyncIterator[Served]:
    async with served(FakeRules().ruleset, load_reranker=lambda: reranker) as running:
        yield running
        reranker.gate.set()


@pytest.fixture
async def without() -> AsyncIterator[Served]:
    async with served(FakeRules().ruleset) as running:
        yield running


async def serving(extractor: Served) -> bool:
    """Whether its health says so."""
    request = health_pb2.HealthCheckRequest(service=SERVICE)
    answer = await health_pb2_grpc.HealthStub(extractor.channel).Check(request)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def not_serving(extractor: Served) -> bool:
    """Whether its health says so."""
    return not await serving(extractor)


async def refusal(extractor: Served, request: pb.RerankRequest, **options: float) -> ServiceError:
    return read_error(await fails(extractor.stub.Rerank(request, **options)))


async def test_texts_are_scored_in_their_order_and_the_model_is_named(
    extractor: Served, reranker: Gated
):
    answer = await extractor.stub.Rerank(pb.RerankRequest(query=QUERY, texts=TEXTS))
    alone = [reranker.inner.scores([(QUERY, text)])[0] for text in TEXTS]

    assert list(answer.scores) == pytest.approx(alone, abs=1e-6)
    assert len(set(answer.scores[:3])) == 3
    assert answer.model.name == reranker.info.name
    assert answer.model.revision == reranker.info.revision
    assert (answer.model.dimension, answer.model.max_tokens) == (0, MAX_TOKENS)


async def test_the_longest_call_that_the_contract_allows_is_served(extractor: Served):
    request = pb.RerankRequest(query="q" * 32768, texts=["x" * 32768] * 100)
    assert len((await extractor.stub.Rerank(request)).scores) == 100


async def test_info_tells_the_reranker_and_its_limit(extractor: Served, reranker: Gated):
    info = await extractor.stub.GetInfo(pb.GetInfoRequest())

    assert info.reranker.name == reranker.info.name
    assert info.reranker.device == "cpu"
    assert info.max_rerank_texts == 100


async def test_without_a_reranker_it_says_so(without: Served):
    error = await refusal(without, pb.RerankRequest(query=QUERY, texts=TEXTS))

    assert error.code is StatusCode.FAILED_PRECONDITION
    assert error.reason == "RERANKER_MISSING"
    assert not (await without.stub.GetInfo(pb.GetInfoRequest())).HasField("reranker")


@pytest.mark.parametrize(
    ("request_", "paths"),
    [
        (pb.RerankRequest(texts=["a"]), ["query"]),
        (pb.RerankRequest(query="q"), ["texts"]),
        (pb.RerankRequest(query="q", texts=["a"] * 101), ["texts"]),
        (pb.RerankRequest(query="q" * 32769, texts=["a", ""]), ["query", "texts[1]"]),
        (pb.RerankRequest(query="q", texts=["a", "a", "x" * 32769]), ["texts[2]"]),
    ],
    ids=["no query", "no texts", "too many", "too long and empty", "a text too long"],
)
async def test_what_is_wrong_with_a_request_is_named(
    without: Served, extractor: Served, request_: pb.RerankRequest, paths: list[str]
):
    for asked in (without, extractor):
        error = await refusal(asked, request_)
        assert error.code is StatusCode.INVALID_ARGUMENT
        assert error.reason == "INVALID_FIELD"
        assert [violation.field for violation in error.violations] == paths


async def test_a_text_that_the_model_fails_on_is_named_and_not_quoted(extractor: Served):
    error = await refusal(extractor, pb.RerankRequest(query=QUERY, texts=["fine", BAD]))

    assert error.code is StatusCode.INVALID_ARGUMENT
    assert error.reason == "EXTRACTION_FAILED"
    assert [violation.field for violation in error.violations] == ["texts[1]"]
    assert BAD not in error.message


async def test_a_call_that_cannot_be_answered_in_time_is_refused_at_once(
    extractor: Served, reranker: Gated
):
    reranking = extractor.extractor.reranking
    assert reranking is not None
    for _ in range(50):
        reranking._pace.measured(1000, 1000.0)
    before = reranker.batches
    error = await refusal(extractor, pb.RerankRequest(query=QUERY, texts=TEXTS), timeout=30)

    assert error.code is StatusCode.DEADLINE_EXCEEDED
    assert error.reason == "SEARCH_TIMEOUT"
    assert reranker.batches == before
    assert extractor.metric("extractor_reranks_total", outcome="late") == 1


async def test_nothing_more_is_read_for_a_caller_whose_deadline_has_passed(
    extractor: Served, reranker: Gated
):
    reranker.gate.clear()
    before = reranker.batches
    request = pb.RerankRequest(query=QUERY, texts=TEXTS)
    error = await fails(extractor.stub.Rerank(request, timeout=0.3))
    assert error.code() is StatusCode.DEADLINE_EXCEEDED
    await wait_until(
        lambda: extractor.metric("extractor_rerank_queue_depth") == 0, "its texts are dropped"
    )
    reranker.gate.set()
    await extractor.stub.Rerank(pb.RerankRequest(query=QUERY, texts=["next"]))

    assert reranker.batches <= before + 2


async def test_too_much_to_do_is_refused_with_a_time_to_come_back(reranker: Gated):
    request = pb.RerankRequest(query=QUERY, texts=TEXTS)
    async with served(
        FakeRules().ruleset, load_reranker=lambda: reranker, rerank_queue_texts=40
    ) as extractor:
        reranker.gate.clear()
        first = extractor.stub.Rerank(request)
        await wait_until(
            lambda: extractor.metric("extractor_rerank_queue_depth") == 30, "one call waits"
        )
        error = await refusal(extractor, request)
        reranker.gate.set()
        await first

    assert error.code is StatusCode.RESOURCE_EXHAUSTED
    assert error.reason == "OVERLOADED"
    assert error.retry_after is not None


async def test_nothing_is_served_before_the_reranker_is_warm(reranker: Gated):
    reranker.gate.clear()
    async with served(FakeRules().ruleset, load_reranker=lambda: reranker, warm=False) as extractor:
        pipeline = extractor.extractor.pipeline
        await wait_until(lambda: pipeline.ready, "all else is warm")
        error = await refusal(extractor, pb.RerankRequest(query=QUERY, texts=TEXTS))
        info = read_error(await fails(extractor.stub.GetInfo(pb.GetInfoRequest())))
        assert not await ready_check(pipeline, extractor.extractor.reranking).probe()
        reranker.gate.set()
        await extractor.warming
        await wait_until(lambda: serving(extractor), "it says that it serves")
        await extractor.stub.Rerank(pb.RerankRequest(query=QUERY, texts=TEXTS))

    assert error.code is info.code is StatusCode.UNAVAILABLE
    assert error.reason == "EXTRACTOR_UNAVAILABLE"


async def test_a_model_that_scores_nothing_any_more_takes_the_service_out_of_use(
    extractor: Served, reranker: Gated, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reranker, "lost", True)
    error = await refusal(extractor, pb.RerankRequest(query=QUERY, texts=TEXTS))

    assert error.code is StatusCode.UNAVAILABLE
    assert error.reason == "EXTRACTOR_UNAVAILABLE"
    await wait_until(lambda: not_serving(extractor), "it says that it does not serve")


async def test_a_reranker_that_does_not_return_is_out_of_order_though_its_caller_has_left(
    extractor: Served, reranker: Gated, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(condition, "STUCK_SECONDS", 0.3)
    request = pb.RerankRequest(query=QUERY, texts=["a"])
    await wait_until(lambda: serving(extractor), "it says that it serves")
    reranker.gate.clear()
    error = await fails(extractor.stub.Rerank(request, timeout=0.2))
    await wait_until(lambda: not_serving(extractor), "it says that it does not serve")
    reranker.gate.set()
    await wait_until(lambda: serving(extractor), "it serves again", seconds=20)

    assert error.code() is StatusCode.DEADLINE_EXCEEDED
    assert (await extractor.stub.Rerank(request)).scores


def test_a_reranker_that_is_not_there_is_said_before_anything_is_loaded():
    settings = ExtractorSettings(model="hash", reranker="/no/such/reranker")

    with pytest.raises(ModelError, match="no model folder /no/such/reranker"):
        default_loaders(settings).embedder()


def test_without_a_setting_nothing_is_loaded():
    assert default_loaders(ExtractorSettings(model="hash")).reranker is None
