"""Reconciles new facts with known ones: reads the sentences, compares the vectors, decides."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from extractor_service.embed_queue import EmbeddingFailed
from extractor_service.embedder import Purpose
from extractor_service.extraction_metrics import ExtractionMetrics
from extractor_service.facts import Fact
from extractor_service.measuring import measured
from extractor_service.pipeline import Pipeline
from extractor_service.reading import NOTHING, Reading, Sentences
from extractor_service.relating import Neighbour, Verdict, relate
from extractor_service.thresholds import thresholds_of
from extractor_service.worker import RulesFailed, RulesWorker
from service_kit.safe_traceback import safe_traceback

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Item:
    """A new fact, the known ones it may have to do with, and how near each is, None if unknown.

    `people` are the names of those whom any of them is about, as far as they bear them.
    """

    new: Fact
    known: tuple[Fact, ...]
    similarities: tuple[float | None, ...]
    people: frozenset[str] = NOTHING

    @property
    def texts(self) -> tuple[str, ...]:
        """Those of all its facts, the new one's first."""
        return (self.new.text, *(fact.text for fact in self.known))


class Reconciler:
    """Says what new facts are to known ones; a pure function of its input and the models."""

    def __init__(self, worker: RulesWorker, pipeline: Pipeline, metrics: ExtractionMetrics) -> None:
        """`worker` reads the sentences, `pipeline` embeds them; others warm and stop both."""
        self._worker = worker
        self._pipeline = pipeline
        self._metrics = metrics

    async def reconcile(self, items: Sequence[Item]) -> list[Verdict]:
        """A verdict for each item, each looked at for itself.

        Raises `RulesFailed` or `EmbeddingFailed` with the place of the item at fault, and
        `RulesQueueFull`, `QueueFull` or `NotServing` if none is.
        """
        with measured(self._metrics.reconciliations, self._metrics.reconcile_seconds):
            thresholds = thresholds_of(self._pipeline.info.model.name)
            # A fact that nothing is beside is new, whatever it says.
            groups = [
                Sentences(item.texts, item.people) if item.known else Sentences() for item in items
            ]
            readings = await self._read(groups)
            compared = await self._compared(items)
            verdicts = [
                relate(*_beside(item, read, near), thresholds)
                for item, read, near in zip(items, readings, compared, strict=True)
            ]
        for verdict in verdicts:
            self._metrics.decisions.labels(verdict.decision.value).inc()
        return verdicts

    async def _read(self, groups: Sequence[Sentences]) -> list[list[Reading]]:
        try:
            return await self._worker.read(groups)
        except RulesFailed as error:
            logger.warning("the rules failed on a fact", extra={"traceback": safe_traceback(error)})
            raise

    async def _compared(self, items: Sequence[Item]) -> list[list[float]]:
        """How near the known facts of each item are, computed where nobody said."""
        wanted = dict.fromkeys(
            text for item in items if None in item.similarities for text in item.texts
        )
        rows = await self._embedded(list(wanted), items) if wanted else {}
        return [
            [
                float(rows[item.new.text] @ rows[fact.text]) if given is None else given
                for fact, given in zip(item.known, item.similarities, strict=True)
            ]
            for item in items
        ]

    async def _embedded(
        self, texts: list[str], items: Sequence[Item]
    ) -> dict[str, npt.NDArray[np.float32]]:
        try:
            vectors = await self._pipeline.embed(texts, Purpose.DOCUMENT)
        except EmbeddingFailed as error:
            at_fault = texts[error.index]
            places = (place for place, item in enumerate(items) if at_fault in item.texts)
            raise EmbeddingFailed(next(places)) from error
        rows = (np.frombuffer(vector, dtype="<f4") for vector in vectors)
        return dict(zip(texts, rows, strict=True))


def _beside(
    item: Item, readings: Sequence[Reading], similarities: Sequence[float]
) -> tuple[Fact, list[Neighbour]]:
    if not readings:
        return item.new, []
    mine, *theirs = readings
    known = [
        Neighbour(replace(fact, reading=reading), similarity)
        for fact, reading, similarity in zip(item.known, theirs, similarities, strict=True)
    ]
    return replace(item.new, reading=mine), known
