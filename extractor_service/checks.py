"""What the extractor's health depends on: its models, and that all is loaded."""

from __future__ import annotations

from collections.abc import Sequence

from extractor_service.condition import Condition
from extractor_service.pipeline import Pipeline
from extractor_service.reranking import Reranking
from service_kit.health import LIVENESS, Check

# A flag of our own: asking costs nothing, and who waits for the service learns of it sooner.
_READINESS_TTL_SECONDS = 0.25

RETRY_SECONDS = 5.0
"""How often a model that is out of order is tried again."""

HOPELESS_SECONDS = 60.0
"""Who has failed for so long does not lack memory for a moment: only a new process may help."""


def checks(
    service: str, pipeline: Pipeline, reranking: Reranking | None
) -> dict[str, Sequence[Check]]:
    """Those of the service, which calls go by, and of LIVENESS, by which the process is ended."""
    models = [*pipeline.conditions, *([reranking.condition] if reranking else [])]
    return {
        LIVENESS: [_hope_check(models)],
        service: [ready_check(pipeline, reranking), _models_check(models)],
    }


def ready_check(pipeline: Pipeline, reranking: Reranking | None) -> Check:
    """Whether calls are taken: all is loaded, nothing stops, and the models are in order."""

    async def is_ready() -> bool:
        return pipeline.ready and (reranking is None or reranking.ready)

    return Check("ready", is_ready, ttl=_READINESS_TTL_SECONDS)


def _models_check(models: Sequence[Condition]) -> Check:
    async def are_in_order() -> bool:
        """Try again those that are not: no call gets as far as to them."""
        return all([model.in_order or await model.examine() for model in models])

    return Check("models", are_in_order, ttl=RETRY_SECONDS)


def _hope_check(models: Sequence[Condition]) -> Check:
    async def may_heal() -> bool:
        return all(model.failing_seconds < HOPELESS_SECONDS for model in models)

    return Check("models may heal", may_heal, ttl=RETRY_SECONDS)
