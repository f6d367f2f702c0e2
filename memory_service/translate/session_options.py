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
    strategy = _strategy(options.strategy, f"{path}.strategy")
    zone = fields.time_zone(options.time_zone, f"{path}.time_zone")
    return SessionOptions(ttl, strategy, zone)


def _ttl(value: Duration, path: str) -> int:
    whole = 0 <= value.nanos < 1_000_000_000
    micros = value.seconds * 1_000_000 + value.nanos // 1000
    if not whole or not 1_000_000 <= micros <= MAX_TTL_SECONDS * 1_000_000:
        raise InvalidField(path, "must be between 1 second and 3,650 days")
    return micros


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
    strategy = strategy_to_proto(options.strategy)
    return pb.SessionOptions(ttl=ttl, strategy=strategy, time_zone=options.time_zone)


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
