"""Reranking: one thread runs the cross-encoder, for one call after the other, none in vain."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from math import inf

import numpy as np

from extractor_service.batcher import CPU_TOKEN_BUDGET, GPU_TOKEN_BUDGET, NotServing
from extractor_service.condition import Condition
from extractor_service.embed_queue import QueueFull
from extractor_service.embedder import ModelInfo
from extractor_service.measuring import measured
from extractor_service.rerank_errors import RerankFailed, TooLate
from extractor_service.rerank_metrics import RerankMetrics
from extractor_service.rerank_plan import Batch, Pace, batches
from extractor_service.reranker import Pair, Reranker
from service_kit.tracing.spans import NO_SPANS, Kind, Spans

logger = logging.getLogger(__name__)

_WARM_QUERY, _WARM_TEXT = "warm", "warm " * 40


class Reranking:
    """Scores texts for any number of callers on one event loop, with one thread for the model.

    A call is cut into batches of its own pairs and served to its end before the next: it holds
    enough texts to fill batches alone, and taking turns would make all callers late rather than
    one. Before it waits, and again before each of its batches, a call that cannot be answered by
    its deadline, at the pace that was measured, is refused: the time goes to those who still wait.
    """

    def __init__(
        self,
        load: Callable[[], Reranker],
        metrics: RerankMetrics,
        *,
        token_budget: int | None = None,
        queue_limit: int = 1024,
        spans: Spans = NO_SPANS,
    ) -> None:
        """`load` runs in the model's thread at `warm`.

        `token_budget` bounds a batch in padded tokens (None: by device), `queue_limit` the texts
        that may wait.
        """
        self._load = load
        self._metrics = metrics
        self._token_budget = token_budget
        self._queue_limit = queue_limit
        self._spans = spans
        self._texts = 0  # of all calls, not read yet
        self._tokens = 0  # theirs
        self._pace = Pace()
        self._turn = asyncio.Lock()  # first come, first served
        self._reranker: Reranker | None = None
        self.condition = Condition(self._model_works)
        self._warm = False
        self._stopping = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reranker")

    @property
    def ready(self) -> bool:
        """Whether `scores` takes calls: warm, in order, and not stopping."""
        return self._warm and self.condition.in_order and not self._stopping

    @property
    def info(self) -> ModelInfo:
        """The model; raises `NotServing` unless `ready`."""
        return self._serving().info

    async def warm(self) -> None:
        """Load the model and run it twice: the first time is slow, the second gives the pace.

        Raises whatever `load` raises, and nothing is ready then.
        """
        loop = asyncio.get_running_loop()
        self._reranker = reranker = await loop.run_in_executor(self._thread, self._load)
        if self._token_budget is None:
            on_cpu = reranker.info.device == "cpu"
            self._token_budget = CPU_TOKEN_BUDGET if on_cpu else GPU_TOKEN_BUDGET
        [some, *_] = self._planned(_WARM_QUERY, [_WARM_TEXT] * 256)
        pairs = [(_WARM_QUERY, _WARM_TEXT)] * len(some.places)
        await self._infer(pairs, some.tokens)
        self._pace = Pace()
        await self._infer(pairs, some.tokens)
        self._warm = True

    async def scores(self, query: str, texts: Sequence[str], deadline: float = inf) -> list[float]:
        """How well each text answers the query, 0 to 1, in their order.

        The caller waits until `deadline`, a time of the event loop's clock. Raises `TooLate` if
        that cannot be kept, `QueueFull` at once, `RerankFailed` if the model fails on one of the
        texts alone, `NotServing` before `warm`, after `stop` and while the model is out of order.
        Cancelled, it gives up all but the batch that is running.
        """
        with measured(self._metrics.calls, self._metrics.call_seconds):
            self._serving()
            planned = self._planned(query, texts)
            self._admit(planned, deadline)
            return await self._served(query, texts, planned, deadline)

    def stop(self) -> None:
        """Take no more calls, and let the thread end with the batch that is running.

        Those who wait for others get `NotServing`.
        """
        self._stopping = True
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _planned(self, query: str, texts: Sequence[str]) -> list[Batch]:
        assert self._reranker is not None
        assert self._token_budget is not None
        max_tokens = self._reranker.info.max_tokens
        return batches(query, texts, max_tokens=max_tokens, budget=self._token_budget)

    def _admit(self, planned: Sequence[Batch], deadline: float) -> None:
        # A call longer than the limit is taken while nothing waits: refused always, its caller
        # would try again for ever.
        if self._texts and self._texts + _texts(planned) > self._queue_limit:
            raise QueueFull
        self._refuse_if_late(self._tokens + _tokens(planned), deadline)

    def _refuse_if_late(self, tokens: int, deadline: float) -> None:
        """Raise `TooLate` unless so many tokens can be read by the deadline."""
        if asyncio.get_running_loop().time() + self._pace.seconds(tokens) > deadline:
            self._pace.doubted()
            raise TooLate

    async def _served(
        self, query: str, texts: Sequence[str], planned: list[Batch], deadline: float
    ) -> list[float]:
        """The scores; counts what is not read yet as waiting, whatever becomes of it."""
        found: dict[int, float] = {}
        since = time.monotonic()
        with self._waiting(planned) as left:
            async with self._turn:
                self._metrics.queue_seconds.observe(time.monotonic() - since)
                while left:
                    self._refuse_if_late(_tokens(left), deadline)
                    pairs = [(query, texts[place]) for place in left[0].places]
                    found |= await self._read(pairs, left[0])
                    self._count(left.pop(0), -1)
        return [found[place] for place in range(len(texts))]

    @contextmanager
    def _waiting(self, planned: Sequence[Batch]) -> Iterator[list[Batch]]:
        left = list(planned)
        for batch in planned:
            self._count(batch, 1)
        try:
            yield left
        finally:
            for batch in left:
                self._count(batch, -1)

    def _count(self, batch: Batch, sign: int) -> None:
        self._texts += sign * len(batch.places)
        self._tokens += sign * batch.tokens
        self._metrics.queue_depth.set(self._texts)

    async def _read(self, pairs: list[Pair], batch: Batch) -> dict[int, float]:
        """The scores by place; raises `RerankFailed` for a pair that fails alone too.

        `NotServing` if the model is at fault.
        """
        try:
            return dict(zip(batch.places, await self._infer(pairs, batch.tokens), strict=True))
        except NotServing:
            raise
        except Exception as error:  # whatever the model raises, it must not end the service
            name = type(error).__name__
            logger.warning("reranking failed", extra={"error": name, "texts": len(pairs)})
        if len(pairs) == 1:
            if await self.condition.examine():
                raise RerankFailed(batch.places[0])
            raise NotServing
        found: dict[int, float] = {}
        each = batch.tokens // len(pairs)
        for place, pair in zip(batch.places, pairs, strict=True):
            found |= await self._read([pair], Batch((place,), each))
        return found

    async def _model_works(self) -> bool:
        """Tell a text that cannot be scored from a model that cannot score."""
        [batch] = self._planned(_WARM_QUERY, [_WARM_TEXT])
        try:
            await self._infer([(_WARM_QUERY, _WARM_TEXT)], batch.tokens)
        except NotServing:
            raise
        except Exception:  # whatever the model raises
            return False
        return True

    async def _infer(self, pairs: list[Pair], tokens: int) -> list[float]:
        if self._stopping:
            raise NotServing
        loop = asyncio.get_running_loop()
        size = {"agentmemory.batch.texts": len(pairs), "agentmemory.batch.tokens": tokens}
        with self._spans.span("rerank batch", Kind.INTERNAL, size):
            scores, seconds = await loop.run_in_executor(self._thread, self._score, pairs)
        self._pace.measured(tokens, seconds)
        self._metrics.batch_size.observe(len(pairs))
        self._metrics.batch_tokens.observe(tokens)
        self._metrics.inference_seconds.observe(seconds)
        return scores

    def _score(self, pairs: list[Pair]) -> tuple[list[float], float]:
        """The scores and how long they took; runs in the model's thread."""
        assert self._reranker is not None
        began = time.perf_counter()
        with self.condition.running():
            scores = self._reranker.scores(pairs)
        seconds = time.perf_counter() - began
        if scores.shape != (len(pairs),) or not np.isfinite(scores).all():
            raise ValueError("not one finite score per pair")
        return [float(score) for score in scores], seconds

    def _serving(self) -> Reranker:
        if self._reranker is None or not self.ready:
            raise NotServing
        return self._reranker


def _texts(planned: Sequence[Batch]) -> int:
    return sum(len(batch.places) for batch in planned)


def _tokens(planned: Sequence[Batch]) -> int:
    return sum(batch.tokens for batch in planned)
