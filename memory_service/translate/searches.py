"""What a search asks for, and what it found."""

from __future__ import annotations

import math

from agentmemory.v1 import memory_pb2 as pb

from memory_service.domain.errors import InvalidField
from memory_service.domain.fusion import ArmScore, Fused
from memory_service.domain.search import SearchMode, Selection
from memory_service.search import SearchQuery
from memory_service.translate import fields, filters, memories, scopes, views

MAX_QUERY = 32 * 1024

_MODES = {
    pb.SEARCH_MODE_UNSPECIFIED: SearchMode.HYBRID,
    pb.SEARCH_MODE_HYBRID: SearchMode.HYBRID,
    pb.SEARCH_MODE_SEMANTIC: SearchMode.SEMANTIC,
    pb.SEARCH_MODE_KEYWORD: SearchMode.KEYWORD,
}


def query(
    tenant: str, scope: pb.Scope, text: str, options: pb.SearchOptions, *, limit: int, now: int
) -> SearchQuery:
    """Return a search for `text`; `now` is in microseconds."""
    if options.mode not in _MODES:
        raise InvalidField("options.mode", "is unknown")
    if math.isnan(options.min_score) or not 0 <= options.min_score <= 1:
        raise InvalidField("options.min_score", "must be between 0 and 1")
    return SearchQuery(
        text=fields.text(text, "query", max_bytes=MAX_QUERY, required=True),
        mode=_MODES[options.mode],
        selection=Selection(
            owners=scopes.searched(tenant, scope, options.visibility, "options.visibility"),
            types=memories.types_from_protos(options.types, "options.types"),
            filter=filters.from_proto(options.filter, "options.filter"),
            view=views.from_proto(options, "options.", now=now),
        ),
        limit=limit,
        min_score=options.min_score,
        min_revision=options.min_revision,
    )


def hit(found: Fused, *, explain: bool) -> pb.SearchHit:
    """Return one hit."""
    return pb.SearchHit(
        memory=memories.to_proto(found.memory),
        score=found.score,
        explanation=(
            pb.ScoreExplanation(arms=[_arm(arm) for arm in found.arms]) if explain else None
        ),
    )


def _arm(score: ArmScore) -> pb.ArmScore:
    return pb.ArmScore(
        arm=score.arm.value,
        rank=score.rank,
        raw=score.raw,
        normalized=score.normalized,
        weight=score.weight,
    )
