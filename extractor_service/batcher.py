"""Dynamic batching: one thread runs the model; callers who wait at the same time share a batch."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import numpy as np

from extractor_service.condition import Condition
from extractor_service.embed_metrics import EmbedMetrics
from extractor_service.embed_queue import Call, EmbeddingFailed, EmbedQueue, Waiting
from extractor_service.embedder import Embedder, ModelInfo, Purpose
from service_kit.tracing.spans import NO_SPANS, Spans

logger = logging.getLogger(__name__)

# Padded tokens in a batch. all-MiniLM-L6-v2 on 2 cores, chat messages: 81 texts/s one by one, 121
# at 128, 171 at 256, 178 at 512, 181 at 1024, 155 at 2048, 146 at 4096: padding and cache misses
# eat the gain. And a query that comes during a batch waits for it: 100 ms at 512, 680 at 4096.
CPU_TOKEN_BUDGET = 512
# A GPU is idle at 512 tokens. Sized to fit any card with room to spare; not measured.
GPU_TOKEN_BUDGET = 16384


class NotServing(Exception):
    """The model is not loaded yet, or the batcher has stopped: another replica may answer."""


class Batcher:
    """Embeds texts for any number of callers on one event loop, with one thread for the model.

    While a batch runs, texts gather; the next batch is made of them. There is no timer: waiting
    2 ms for company when idle lost throughput with 2 and with 8 callers (135 to 122, 250 to 229
    queries/s) and lengthened the median query at 20/s from 13 to 17 ms.
    """

    def __init__(
        self,
        load: Callable[[], Embedder],
        metrics: EmbedMetrics,
        *,
        token_budget: int | None = None,
        queue_limit: int = 4096,
        spans: Spans = NO_SPANS,
    ) -> None:
        """`load` runs in the model's thread at `warm`.

        `token_budget` bounds a batch in padded tokens (None: by device), `queue_limit` the texts
        that may wait.
        """
        self._load = load
        self._metrics = metrics
        self._token_budget = token_budget
        self._spans = spans
        self._queue = EmbedQueue(queue_limit)
        self.condition = Condition(self._model_works)
        self._wake = asyncio.Event()
        self._stopping = False
        self._embedder: Embedder | None = None
        self._open: set[Call] = set()
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embedder")

    async def __aenter__(self) -> Self:
        """Warm."""
        await self.warm()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    @property
    def ready(self) -> bool:
        """Whether `embed` takes calls: warm, and neither stopping nor broken."""
        return self._task is not None and not self._task.done() and not self._stopping

    @property
    def info(self) -> ModelInfo:
        """The loaded model; raises `NotServing` before it is loaded."""
        return self._loaded().info

    async def warm(self) -> None:
        """Load the model and run it once, so that no caller pays for its first inference.

        Raises whatever `load` raises, and nothing is ready then.
        """
        loop = asyncio.get_running_loop()
        self._embedder = embedder = await loop.run_in_executor(self._thread, self._load)
        for purpose in Purpose:
            await self._infer(["warm"], purpose)
        if self._token_budget is None:
            on_cpu = embedder.info.device == "cpu"
            self._token_budget = CPU_TOKEN_BUDGET if on_cpu else GPU_TOKEN_BUDGET
        self._task = asyncio.create_task(self._serve(self._token_budget), name="embed batches")

    async def embed(self, texts: Sequence[str], purpose: Purpose) -> list[bytes]:
        """The texts' vectors in order, each `dimension` little-endian float32 of unit length.

        Raises `QueueFull` at once, `EmbeddingFailed` if the model fails on one of the texts,
        `NotServing` before `warm` and after `stop`. Cancelled, it gives up its place in the queue.
        """
        if not self.ready:
            raise NotServing
        if not texts:
            return []
        answer: asyncio.Future[list[bytes]] = asyncio.get_running_loop().create_future()
        call = Call(tuple(texts), purpose, answer, self._spans.recorder())
        self._queue.add(call, self.info.max_tokens, time.monotonic())
        self._open.add(call)
        self._queue_changed()
        try:
            return await call.answer
        finally:
            self._open.discard(call)
            self._queue.withdraw(call)
            self._queue_changed()

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens of the model's vocabulary each text is; `NotServing` as for `embed`.

        Waits for the batch that is running: tokenizers are not to be used by two threads at a time.
        """
        if not self.ready:
            raise NotServing
        if not texts:
            return []
        count = self._loaded().count_tokens
        return await asyncio.get_running_loop().run_in_executor(self._thread, count, list(texts))

    async def stop(self) -> None:
        """Take no more calls, and let the thread end with the batch that is running.

        Those who wait get `NotServing`.
        """
        self._stopping = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _serve(self, token_budget: int) -> None:
        try:
            while True:
                await self._something_waits()
                purpose, batch = self._queue.take(token_budget)
                self._observe(batch)
                await self._answer(purpose, batch)
        finally:
            for call in self._open:
                call.fail(NotServing())

    async def _something_waits(self) -> None:
        while not self._queue.depth:
            self._wake.clear()
            await self._wake.wait()

    async def _answer(self, purpose: Purpose, batch: list[Waiting]) -> None:
        began = time.time_ns()
        vectors = await self._vectors([entry.text for entry in batch], purpose)
        _record(batch, began)
        for entry, vector in zip(batch, vectors, strict=True):
            for call, index in entry.places:
                call.settle(index, vector)

    async def _vectors(self, texts: list[str], purpose: Purpose) -> Sequence[bytes | None]:
        """The texts' vectors; None for those that fail alone, after a batch of them failed."""
        try:
            return await self._infer(texts, purpose)
        except Exception as error:  # whatever the model raises, it must not end the service
            name = type(error).__name__
            logger.warning("embedding failed", extra={"error": name, "texts": len(texts)})
        if len(texts) == 1:
            return [None]
        return [(await self._vectors([text], purpose))[0] for text in texts]

    async def _infer(self, texts: list[str], purpose: Purpose) -> list[bytes]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._encode, texts, purpose)

    def _encode(self, texts: list[str], purpose: Purpose) -> list[bytes]:
        """Runs in the model's thread."""
        embedder = self._loaded()
        with self.condition.running(), self._metrics.inference_seconds.time():
            rows = embedder.encode(texts, purpose).astype("<f4", copy=False)
        if rows.shape != (len(texts), embedder.info.dimension) or not np.isfinite(rows).all():
            raise ValueError("not one finite vector per text")
        return [row.tobytes() for row in rows]

    async def _model_works(self) -> bool:
        """Tell a text that cannot be embedded from a model that cannot embed."""
        try:
            await self.embed(["A text that every model can embed."], Purpose.DOCUMENT)
        except EmbeddingFailed:
            return False
        return True

    def _loaded(self) -> Embedder:
        if self._embedder is None:
            raise NotServing
        return self._embedder

    def _queue_changed(self) -> None:
        self._metrics.queue_depth.set(self._queue.depth)
        self._wake.set()

    def _observe(self, batch: list[Waiting]) -> None:
        now = time.monotonic()
        self._metrics.queue_depth.set(self._queue.depth)
        self._metrics.batch_size.observe(len(batch))
        self._metrics.batch_tokens.observe(sum(entry.tokens for entry in batch))
        for entry in batch:
            self._metrics.queue_seconds.observe(now - entry.since)


def _record(batch: Sequence[Waiting], began: int) -> None:
    """Add the batch that has just run to the traces of those whose texts are in it."""
    callers = {call for entry in batch for call, _ in entry.places if call.record}
    size = {
        "agentmemory.batch.texts": len(batch),
        "agentmemory.batch.tokens": sum(entry.tokens for entry in batch),
    }
    for call in callers:
        if call.record:
            call.record("embed batch", began, time.time_ns(), size)
