"""What a search asks for, and what it found."""

from __future__ import annotations

import math

from agentmemory.v1 import memory_pb2 as pb
from agentmemory.v1 import memory_service_pb2 as service_pb

from memory_service.domain.boosts import Boosts
from memory_service.domain.errors import InvalidField
from memory_service.domain.ranking import ArmScore, Ranked, Signal
from memory_service.domain.search import Arm, SearchMode, Selection
from memory_service.domain.searching import Hit, SearchQuery, SearchResult
from memory_service.translate import fields, filters, memories, scopes, showing, views

MAX_QUERY = 32 * 1024
MAX_TOKENS = 10_000_000
MAX_WEIGHT = 10
MAX_HALF_LIFE = 3650 * 24 * 3600
"""Seconds."""

RECENCY = 0.2
"""The weight of recency where it is asked for without one."""

_MODES = {
    pb.SEARCH_MODE_UNSPECIFIED: SearchMode.HYBRID,
    pb.SEARCH_MODE_HYBRID: SearchMode.HYBRID,
    pb.SEARCH_MODE_SEMANTIC: SearchMode.SEMANTIC,
    pb.SEARCH_MODE_KEYWORD: SearchMode.KEYWORD,
}


def query(
    tenant: str,
    scope: pb.Scope,
    text: str,
    options: pb.SearchOptions,
    *,
    limit: int,
    now: int,
    required: bool = True,
) -> SearchQuery:
    """Return a search for `text`, which may be empty unless it is `required`; `now` in µs."""
    if options.mode not in _MODES:
        raise InvalidField("options.mode", "is unknown")
    if math.isnan(options.min_score) or not 0 <= options.min_score <= 1:
        raise InvalidField("options.min_score", "must be between 0 and 1")
    return SearchQuery(
        text=fields.text(text, "query", max_bytes=MAX_QUERY, required=required),
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
        boosts=_boosts(options),
        collapse=options.collapse_duplicates,
        token_budget=_budget(options.max_tokens),
    )


def _boosts(options: pb.SearchOptions) -> Boosts:
    importance = _weight(options.importance_weight, "options.importance_weight")
    if not options.HasField("recency"):
        return Boosts(importance=importance)
    recency = options.recency
    weight = _weight(recency.weight or RECENCY, "options.recency.weight")
    if not recency.HasField("half_life"):
        return Boosts(recency=weight, importance=importance)
    path = "options.recency.half_life"
    half_life = fields.duration(recency.half_life, path, least=1, most=MAX_HALF_LIFE)
    return Boosts(weight, half_life, importance)


def _weight(value: float, path: str) -> float:
    if math.isnan(value) or not 0 <= value <= MAX_WEIGHT:
        raise InvalidField(path, f"must be between 0 and {MAX_WEIGHT}")
    return value


def _budget(tokens: int) -> int | None:
    if not 0 <= tokens <= MAX_TOKENS:
        raise InvalidField("options.max_tokens", f"must be between 1 and {MAX_TOKENS:,}")
    return tokens or None


def to_proto(result: SearchResult, *, explain: bool) -> service_pb.SearchMemoriesResponse:
    """Return what a search found."""
    answer = service_pb.SearchMemoriesResponse(degraded=result.degraded, revision=result.revision)
    for hit in result.hits:
        put_hit(answer.hits.add(), hit, explain=explain)
    return answer


def put_hit(shown: pb.SearchHit, found: Hit, *, explain: bool = False) -> None:
    """Show one hit in an empty message."""
    showing.put(shown.memory, found.memory)
    shown.score = found.score
    if explain:
        shown.explanation.CopyFrom(_explanation(found.ranked))


def _explanation(ranked: Ranked) -> pb.ScoreExplanation:
    said = {signal.name: signal for signal in ranked.signals}
    return pb.ScoreExplanation(
        arms=[_arm(arm, said.get(_SIGNALS[arm.arm])) for arm in ranked.said],
        signals=[_signal(signal) for signal in ranked.signals],
        boosts=[_signal(boost) for boost in ranked.boosts],
    )


_SIGNALS = {Arm.SEMANTIC: "meaning", Arm.KEYWORD: "words"}


def _arm(score: ArmScore, signal: Signal | None) -> pb.ArmScore:
    alone = min(max(score.raw, 0.0), 1.0)
    return pb.ArmScore(
        arm=score.arm.value,
        rank=score.rank,
        raw=score.raw,
        normalized=signal.value if signal else alone,
        weight=signal.weight if signal else 1.0,
    )


def _signal(signal: Signal) -> pb.ScoreSignal:
    return pb.ScoreSignal(name=signal.name, value=signal.value, weight=signal.weight)
