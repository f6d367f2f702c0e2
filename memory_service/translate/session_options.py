"""How a session is kept, and how it is extracted."""

from __future__ import annotations

from agentmemory.v1 import memory_pb2 as pb
from google.protobuf.duration_pb2 import Duration

from memory_service.domain.errors import InvalidField
from memory_service.domain.session_options import ExtractionKind, SessionOptions, Strategy
from memory_service.translate import fields

MAX_INSTRUCTIONS = 4 * 1024
MAX_TTL_SECONDS = 3650 * 24 * 3600

_KINDS = {
    pb.EXTRACTION_KIND_UNSPECIFIED: ExtractionKind.DISCRETE,
    pb.EXTRACTION_KIND_DISCRETE: ExtractionKind.DISCRETE,
    pb.EXTRACTION_KIND_PREFERENCES: ExtractionKind.PREFERENCES,
    pb.EXTRACTION_KIND_SUMMARY: ExtractionKind.SUMMARY,
    pb.EXTRACTION_KIND_CUSTOM: ExtractionKind.CUSTOM,
    pb.EXTRACTION_KIND_NONE: ExtractionKind.NONE,
}
_KINDS_OUT = {kind: value for value, kind in _KINDS.items()}


def from_proto(options: pb.SessionOptions, path: str) -> SessionOptions:
    """Return how a session is to be kept."""
    ttl = _ttl(options.ttl, f"{path}.ttl") if options.HasField("ttl") else None
    return SessionOptions(
        ttl,
        _strategy(options.strategy, f"{path}.strategy"),
        fields.time_zone(options.time_zone, f"{path}.time_zone"),
        searchable=not options.turns_not_searchable,
    )


def _ttl(value: Duration, path: str) -> int:
    return fields.duration(value, path, least=1, most=MAX_TTL_SECONDS)


def _strategy(value: pb.ExtractionStrategy, path: str) -> Strategy:
    if value.kind not in _KINDS:
        raise InvalidField(f"{path}.kind", "is unknown")
    kind = _KINDS[value.kind]
    custom = kind is ExtractionKind.CUSTOM
    at = f"{path}.instructions"
    if value.instructions and not custom:
        raise InvalidField(at, "goes with CUSTOM")
    return Strategy(
        kind,
        fields.text(value.instructions, at, max_bytes=MAX_INSTRUCTIONS, required=custom),
        value.include_assistant,
    )


def to_proto(options: SessionOptions) -> pb.SessionOptions:
    """Return how a session is kept; the strategy is named even if it is the default."""
    ttl = None if options.ttl is None else _duration(options.ttl)
    return pb.SessionOptions(
        ttl=ttl,
        strategy=strategy_to_proto(options.strategy),
        time_zone=options.time_zone,
        turns_not_searchable=not options.searchable,
    )


def _duration(micros: int) -> Duration:
    seconds, rest = divmod(micros, 1_000_000)
    return Duration(seconds=seconds, nanos=rest * 1000)


def strategy_to_proto(strategy: Strategy) -> pb.ExtractionStrategy:
    """Return how messages are to be extracted."""
    return pb.ExtractionStrategy(
        kind=_KINDS_OUT[strategy.kind],
        instructions=strategy.instructions,
        include_assistant=strategy.include_assistant,
    )
