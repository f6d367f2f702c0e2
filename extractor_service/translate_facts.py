"""Between the contract's messages and facts to be reconciled, and the contract's limits on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import memory_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from extractor_service.domain import EventTime, Precision
from extractor_service.facts import Fact
from extractor_service.field_checks import bytes_violations, is_time, refuse, size_violations
from extractor_service.reading import NO_READING
from extractor_service.reconciling import Item
from extractor_service.relating import Decision, Verdict
from service_kit.errors import FieldViolation
from service_kit.time_zones import in_zone, start_of_unit, zone_of

MAX_ITEMS = 64
MAX_NEIGHBORS = 32
MAX_TEXT_BYTES = 32 * 1024
MAX_SLOT_CHARS = 256
_MOST_ENTITIES = 32
_PERSON = "person"
# A cosine of float32 vectors may be a little more than 1.
_ROUNDING = 1e-3

_PRECISIONS = {
    memory_pb2.TIME_PRECISION_UNSPECIFIED: Precision.MINUTE,
    memory_pb2.TIME_PRECISION_YEAR: Precision.YEAR,
    memory_pb2.TIME_PRECISION_MONTH: Precision.MONTH,
    memory_pb2.TIME_PRECISION_WEEK: Precision.WEEK,
    memory_pb2.TIME_PRECISION_DAY: Precision.DAY,
    memory_pb2.TIME_PRECISION_MINUTE: Precision.MINUTE,
}
_DECISIONS = {
    Decision.ADD: pb.RECONCILE_DECISION_ADD,
    Decision.DUPLICATE: pb.RECONCILE_DECISION_DUPLICATE,
    Decision.UPDATE: pb.RECONCILE_DECISION_UPDATE,
    Decision.SUPERSEDE: pb.RECONCILE_DECISION_SUPERSEDE,
    Decision.SUPERSEDED: pb.RECONCILE_DECISION_SUPERSEDED,
    Decision.CONTRADICT: pb.RECONCILE_DECISION_CONTRADICT,
}


def from_reconcile(request: pb.ReconcileRequest) -> list[Item]:
    """New facts beside known ones; INVALID_FIELD names all that is wrong."""
    refuse(_violations(request))
    return [_item(item) for item in request.items]


def reconciled(verdicts: Sequence[Verdict]) -> pb.ReconcileResponse:
    """What was decided, for the wire."""
    return pb.ReconcileResponse(
        results=[
            pb.ReconcileResult(
                decision=_DECISIONS[verdict.decision],
                memory_ids=verdict.ids,
                reason=verdict.reason,
            )
            for verdict in verdicts
        ]
    )


def _item(item: pb.ReconcileItem) -> Item:
    given = (n.similarity if n.HasField("similarity") else None for n in item.neighbors)
    known = [neighbor.memory for neighbor in item.neighbors]
    people = frozenset(name for memory in (item.memory, *known) for name in _people(memory))
    return Item(_fact(item.memory), tuple(map(_fact, known)), tuple(given), people)


def _people(memory: memory_pb2.Memory) -> Iterator[str]:
    """Whom it names: a sentence alone does not always tell where a name ends."""
    for entity in memory.entities[:_MOST_ENTITIES]:
        if entity.kind == _PERSON:
            yield entity.name


def _fact(memory: memory_pb2.Memory) -> Fact:
    event = None
    if memory.HasField("event_time"):
        said = memory.event_time
        precision = _PRECISIONS[said.precision]
        time = in_zone(_datetime(said.time), said.time_zone)
        event = EventTime(start_of_unit(time, precision.value), precision)
    begun = _datetime(memory.valid_from) if memory.HasField("valid_from") else None
    return Fact(memory.id, memory.text, NO_READING, memory.slot, event, _said(memory), begun)


def _said(memory: memory_pb2.Memory) -> datetime | None:
    """When it was said last: what is said again is so then."""
    for name in ("last_mention_time", "mention_time"):
        if memory.HasField(name):
            return _datetime(getattr(memory, name))
    return None


def _datetime(timestamp: Timestamp) -> datetime:
    return timestamp.ToDatetime(tzinfo=UTC)


def _violations(request: pb.ReconcileRequest) -> Iterator[FieldViolation]:
    yield from size_violations("items", len(request.items), MAX_ITEMS)
    for place, item in enumerate(request.items[: MAX_ITEMS + 1]):
        path = f"items[{place}]"
        yield from _memory_violations(item.memory, f"{path}.memory")
        if len(item.neighbors) > MAX_NEIGHBORS:
            yield FieldViolation(f"{path}.neighbors", f"must hold at most {MAX_NEIGHBORS}")
        for number, neighbor in enumerate(item.neighbors[: MAX_NEIGHBORS + 1]):
            yield from _neighbor_violations(neighbor, f"{path}.neighbors[{number}]")


def _neighbor_violations(neighbor: pb.Neighbor, path: str) -> Iterator[FieldViolation]:
    yield from _memory_violations(neighbor.memory, f"{path}.memory")
    if not neighbor.memory.id:
        yield FieldViolation(f"{path}.memory.id", "is required")
    # Whatever is no number compares to nothing.
    if neighbor.HasField("similarity") and not abs(neighbor.similarity) <= 1 + _ROUNDING:
        yield FieldViolation(f"{path}.similarity", "must be -1 to 1")


def _memory_violations(memory: memory_pb2.Memory, path: str) -> Iterator[FieldViolation]:
    yield from bytes_violations(f"{path}.text", memory.text, MAX_TEXT_BYTES, least=1)
    if len(memory.slot) > MAX_SLOT_CHARS:
        yield FieldViolation(f"{path}.slot", f"is longer than {MAX_SLOT_CHARS} characters")
    event = memory.event_time
    if memory.HasField("event_time") and not is_time(event.time):
        yield FieldViolation(f"{path}.event_time.time", "is not within the years 1 to 9999")
    if event.precision not in _PRECISIONS:
        yield FieldViolation(f"{path}.event_time.precision", "is none of the known ones")
    if zone_of(event.time_zone) is None:
        yield FieldViolation(f"{path}.event_time.time_zone", "is no time zone")
    for name in ("mention_time", "last_mention_time", "valid_from"):
        if memory.HasField(name) and not is_time(getattr(memory, name)):
            yield FieldViolation(f"{path}.{name}", "is not within the years 1 to 9999")
