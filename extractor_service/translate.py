"""Between the contract's messages and the extractor's own values, and the contract's limits."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import memory_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from extractor_service.domain import EventTime, MemoryType, Precision, Role, Turn
from extractor_service.embedder import ModelInfo, Purpose
from extractor_service.errors import invalid
from extractor_service.pipeline import Extracted, PipelineInfo
from service_kit.errors import FieldViolation

MAX_UNARY_MESSAGES = 256
MAX_EMBED_TEXTS = 256
MAX_EMBED_TEXT_BYTES = 32 * 1024
MAX_CONTENT_BYTES = 256 * 1024
MAX_NAME_CHARS = 256
MAX_ID_CHARS = 128

_ROLES = {
    memory_pb2.ROLE_USER: Role.USER,
    memory_pb2.ROLE_ASSISTANT: Role.ASSISTANT,
    memory_pb2.ROLE_SYSTEM: Role.SYSTEM,
    memory_pb2.ROLE_TOOL: Role.TOOL,
}
_TYPES = {
    MemoryType.SEMANTIC: memory_pb2.MEMORY_TYPE_SEMANTIC,
    MemoryType.EPISODIC: memory_pb2.MEMORY_TYPE_EPISODIC,
}
_PRECISIONS = {
    Precision.YEAR: memory_pb2.TIME_PRECISION_YEAR,
    Precision.MONTH: memory_pb2.TIME_PRECISION_MONTH,
    Precision.DAY: memory_pb2.TIME_PRECISION_DAY,
    Precision.MINUTE: memory_pb2.TIME_PRECISION_MINUTE,
}
_PURPOSES = {
    pb.EMBED_PURPOSE_UNSPECIFIED: Purpose.DOCUMENT,
    pb.EMBED_PURPOSE_QUERY: Purpose.QUERY,
    pb.EMBED_PURPOSE_DOCUMENT: Purpose.DOCUMENT,
}


@dataclass(frozen=True, slots=True)
class Conversation:
    """New turns, and those right before them, which are not extracted from."""

    messages: tuple[Turn, ...]
    context: tuple[Turn, ...]


def from_delta(delta: pb.Delta, max_messages: int) -> Conversation:
    """The turns of a delta; INVALID_FIELD names all that is wrong with it."""
    return _conversation(delta.messages, delta.context, max_messages)


def from_request(request: pb.ExtractMemoriesRequest, now: datetime) -> Conversation:
    """The turns of a unary request, ids and times filled in; INVALID_FIELD as for a delta."""
    filled = [
        _filled(message, str(place), _timestamp(now))
        for place, message in enumerate(request.messages, start=1)
    ]
    return _conversation(filled, request.context, MAX_UNARY_MESSAGES)


def from_embed(request: pb.EmbedRequest) -> tuple[list[str], Purpose]:
    """The texts and what for; INVALID_FIELD names all that is wrong."""
    _refuse(_embed_violations(request))
    return list(request.texts), _PURPOSES[request.purpose]


def extraction(extracted: Sequence[Extracted], info: PipelineInfo) -> pb.Extraction:
    """What was found, for the wire."""
    return pb.Extraction(
        memories=[_memory(item) for item in extracted],
        extractor=info.extractor,
        embedding_model=model_info(info.model),
    )


def model_info(model: ModelInfo) -> pb.ModelInfo:
    """The embedding model, for the wire."""
    return pb.ModelInfo(
        name=model.name,
        revision=model.revision,
        dimension=model.dimension,
        max_tokens=model.max_tokens,
        device=model.device,
    )


def _conversation(
    messages: Sequence[memory_pb2.Message],
    context: Sequence[memory_pb2.Message],
    max_messages: int,
) -> Conversation:
    _refuse(_size_violations("messages", len(messages), max_messages))
    # Nothing is extracted from the context, so nobody has to say when it was said.
    before = [_filled(message, "", messages[0].create_time) for message in context]
    _refuse(_message_violations(messages, before))
    return Conversation(tuple(map(_turn, messages)), tuple(map(_turn, before)))


def _filled(
    message: memory_pb2.Message, default_id: str, default_time: Timestamp
) -> memory_pb2.Message:
    filled = memory_pb2.Message()
    filled.CopyFrom(message)
    filled.id = message.id or default_id
    if not message.HasField("create_time"):
        filled.create_time.CopyFrom(default_time)
    return filled


def _turn(message: memory_pb2.Message) -> Turn:
    return Turn(
        id=message.id,
        role=_ROLES[message.role],
        speaker=message.name,
        text=message.content,
        time=message.create_time.ToDatetime(tzinfo=UTC),
    )


def _refuse(violations: Iterable[FieldViolation]) -> None:
    found = tuple(violations)
    if found:
        raise invalid(*found)


def _size_violations(path: str, size: int, most: int) -> Iterator[FieldViolation]:
    if not 1 <= size <= most:
        yield FieldViolation(path, f"must hold 1 to {most}, holds {size}")


def _message_violations(
    messages: Sequence[memory_pb2.Message], context: Sequence[memory_pb2.Message]
) -> Iterator[FieldViolation]:
    seen: set[str] = set()
    for place, message in enumerate(messages):
        yield from _violations(message, f"messages[{place}]")
        yield from _id_violations(message.id, f"messages[{place}].id", seen)
    for place, message in enumerate(context):
        yield from _violations(message, f"context[{place}]")


def _violations(message: memory_pb2.Message, path: str) -> Iterator[FieldViolation]:
    if message.role not in _ROLES:
        yield FieldViolation(f"{path}.role", "is required")
    if len(message.name) > MAX_NAME_CHARS:
        yield FieldViolation(f"{path}.name", f"is longer than {MAX_NAME_CHARS} characters")
    if not message.content and not message.tool_calls:
        yield FieldViolation(f"{path}.content", "is required")
    if len(message.content.encode()) > MAX_CONTENT_BYTES:
        yield FieldViolation(f"{path}.content", f"is longer than {MAX_CONTENT_BYTES} bytes")
    if not message.HasField("create_time"):
        yield FieldViolation(f"{path}.create_time", "is required")
    elif not _is_time(message.create_time):
        yield FieldViolation(f"{path}.create_time", "is not within the years 1 to 9999")


def _id_violations(identifier: str, path: str, seen: set[str]) -> Iterator[FieldViolation]:
    if not 1 <= len(identifier) <= MAX_ID_CHARS:
        yield FieldViolation(path, f"must be of 1 to {MAX_ID_CHARS} characters")
    elif any(unicodedata.category(character) == "Cc" for character in identifier):
        yield FieldViolation(path, "must not hold control characters")
    elif identifier in seen:
        yield FieldViolation(path, "is the id of an earlier message too")
    seen.add(identifier)


def _embed_violations(request: pb.EmbedRequest) -> Iterator[FieldViolation]:
    yield from _size_violations("texts", len(request.texts), MAX_EMBED_TEXTS)
    for place, text in enumerate(request.texts[: MAX_EMBED_TEXTS + 1]):
        if not 1 <= len(text.encode()) <= MAX_EMBED_TEXT_BYTES:
            limit = f"must be of 1 to {MAX_EMBED_TEXT_BYTES} bytes"
            yield FieldViolation(f"texts[{place}]", limit)
    if request.purpose not in _PURPOSES:
        yield FieldViolation("purpose", "is none of the known ones")


def _is_time(timestamp: Timestamp) -> bool:
    try:
        timestamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        return False
    return True


def _timestamp(time: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(time)
    return timestamp


def _memory(extracted: Extracted) -> pb.ExtractedMemory:
    finding = extracted.finding
    source = finding.source
    return pb.ExtractedMemory(
        text=finding.text,
        type=_TYPES[finding.type],
        topics=finding.topics,
        entities=[memory_pb2.Entity(name=each.name, kind=each.kind) for each in finding.entities],
        event_time=_event_time(finding.event_time),
        sources=[
            memory_pb2.Source(message_id=source.message_id, start=source.start, end=source.end)
        ],
        confidence=finding.confidence,
        embedding=extracted.embedding,
    )


def _event_time(event: EventTime | None) -> memory_pb2.EventTime | None:
    if event is None:
        return None
    return memory_pb2.EventTime(time=_timestamp(event.time), precision=_PRECISIONS[event.precision])
