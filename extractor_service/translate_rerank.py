"""Between the contract's messages and texts to be reranked, and the contract's limits on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agentmemory.v1 import extractor_service_pb2 as pb

from extractor_service.embedder import ModelInfo
from extractor_service.field_checks import bytes_violations, refuse, size_violations
from extractor_service.translate import model_info
from service_kit.errors import FieldViolation

MAX_TEXTS = 100
MAX_TEXT_BYTES = 32 * 1024


def from_rerank(request: pb.RerankRequest) -> tuple[str, list[str]]:
    """The query and the texts; INVALID_FIELD names all that is wrong."""
    refuse(_violations(request))
    return request.query, list(request.texts)


def reranked(scores: Sequence[float], model: ModelInfo) -> pb.RerankResponse:
    """What was scored, for the wire."""
    return pb.RerankResponse(scores=scores, model=model_info(model))


def _violations(request: pb.RerankRequest) -> Iterator[FieldViolation]:
    yield from bytes_violations("query", request.query, MAX_TEXT_BYTES, least=1)
    yield from size_violations("texts", len(request.texts), MAX_TEXTS)
    for place, text in enumerate(request.texts[: MAX_TEXTS + 1]):
        yield from bytes_violations(f"texts[{place}]", text, MAX_TEXT_BYTES, least=1)
