"""Between the contract's messages and the extractor's own values, and the contract's limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import memory_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from extractor_service.domain import (
    Conversation,
    EventTime,
    KnownEntity,
    LlmUsage,
    MemoryType,
    Precision,
    Role,
    Strategy,
    StrategyKind,
    Turn,
)
from extractor_service.embedder import ModelInfo, Purpose
from extractor_service.field_checks import (
    bytes_violations,
    known_violations,
    message_violations,
    refuse,
    size_violations,
    strategy_violations,
)
from extractor_service.pipeline import Extracted, Extraction
from extractor_service.summarizer import Written
from extractor_service.summary import MAX_SUMMARY_BYTES
from service_kit.errors import FieldViolation
from service_kit.time_zones import in_zone, name_of

MAX_UNARY_MESSAGES = 256
MAX_EMBED_TEXTS = 256
MAX_EMBED_TEXT_BYTES = 32 * 1024
MIN_SUMMARY_TOKENS = 16
MAX_SUMMARY_TOKENS = 4096
DEFAULT_SUMMARY_TOKENS = 256

_ROLES = {
    memory_pb2.ROLE_USER: Role.USER,
    memory_pb2.ROLE_ASSISTANT: Role.ASSISTANT,
    memory_pb2.ROLE_SYSTEM: Role.SYSTEM,
    memory_pb2.ROLE_TOOL: Role.TOOL,
}
_KINDS = {
    memory_pb2.EXTRACTION_KIND_UNSPECIFIED: StrategyKind.DISCRETE,
    memory_pb2.EXTRACTION_KIND_DISCRETE: StrategyKind.DISCRETE,
    memory_pb2.EXTRACTION_KIND_PREFERENCES: StrategyKind.PREFERENCES,
    memory_pb2.EXTRACTION_KIND_SUMMARY: StrategyKind.SUMMARY,
    memory_pb2.EXTRACTION_KIND_CUSTOM: StrategyKind.CUSTOM,
}
_TYPES = {
    MemoryType.SEMANTIC: memory_pb2.MEMORY_TYPE_SEMANTIC,
    MemoryType.EPISODIC: memory_pb2.MEMORY_TYPE_EPISODIC,
}
_PRECISIONS = {
    Precision.YEAR: memory_pb2.TIME_PRECISION_YEAR,
    Precision.MONTH: memory_pb2.TIME_PRECISION_MONTH,
    Precision.WEEK: memory_pb2.TIME_PRECISION_WEEK,
    Precision.DAY: memory_pb2.TIME_PRECISION_DAY,
    Precision.MINUTE: memory_pb2.TIME_PRECISION_MINUTE,
}
_PURPOSES = {
    pb.EMBED_PURPOSE_UNSPECIFIED: Purpose.DOCUMENT,
    pb.EMBED_PURPOSE_QUERY: Purpose.QUERY,
    pb.EMBED_PURPOSE_DOCUMENT: Purpose.DOCUMENT,
}


@dataclass(frozen=True, slots=True)
class ToExtract:
    """A conversation, and how it is to be extracted."""

    conversation: Conversation
    strategy: Strategy


@dataclass(frozen=True, slots=True)
class ToSummarize:
    """A conversation, the summary of what was before it, and how long the new one may get."""

    conversation: Conversation
    summary: str
    max_tokens: int


def from_delta(delta: pb.Delta, max_messages: int) -> ToExtract:
    """A delta; INVALID_FIELD names all that is wrong with it."""
    wrong = _asked_violations(delta)
    conversation = _conversation(delta.messages, delta.context, max_messages, wrong)
    return _to_extract(delta, conversation)


def from_request(request: pb.ExtractMemoriesRequest, now: datetime) -> ToExtract:
    """A unary request, ids and times filled in; INVALID_FIELD as for a delta."""
    wrong = _asked_violations(request)
    filled = _numbered(request.messages, now)
    conversation = _conversation(filled, request.context, MAX_UNARY_MESSAGES, wrong)
    return _to_extract(request, conversation)


def from_summarize(request: pb.SummarizeRequest, now: datetime) -> ToSummarize:
    """A request for a summary, defaults filled in; INVALID_FIELD names all that is wrong."""
    wrong = _summary_violations(request)
    filled = _numbered(request.messages, now)
    conversation = _conversation(filled, request.context, MAX_UNARY_MESSAGES, wrong)
    return ToSummarize(conversation, request.summary, request.max_tokens or DEFAULT_SUMMARY_TOKENS)


def from_embed(request: pb.EmbedRequest) -> tuple[list[str], Purpose]:
    """The texts and what for; INVALID_FIELD names all that is wrong."""
    refuse(_embed_violations(request))
    return list(request.texts), _PURPOSES[request.purpose]


def extraction(extracted: Extraction, model: ModelInfo) -> pb.Extraction:
    """What was found, for the wire."""
    return pb.Extraction(
        memories=[_memory(item) for item in extracted.memories],
        extractor=extracted.extractor,
        embedding_model=model_info(model),
        usage=_usage(extracted.usage),
    )


def summary(written: Written) -> pb.SummarizeResponse:
    """A summary, for the wire."""
    return pb.SummarizeResponse(
        summary=written.text, summarizer=written.summarizer, usage=_usage(written.usage)
    )


def model_info(model: ModelInfo) -> pb.ModelInfo:
    """A model, for the wire."""
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
    other_violations: Iterable[FieldViolation],
) -> Conversation:
    """The turns; raises INVALID_FIELD with what is wrong with them and the other violations."""
    wrong = list(size_violations("messages", len(messages), max_messages))
    # Nothing is extracted from the context, so nobody has to say when it was said.
    before = [_filled(message, "", messages[0].create_time) for message in context if messages]
    if not wrong:
        wrong += message_violations(messages, before, _ROLES)
    refuse([*wrong, *other_violations])
    return Conversation(tuple(map(_turn, messages)), tuple(map(_turn, before)))


def _asked_violations(asked: pb.Delta | pb.ExtractMemoriesRequest) -> Iterator[FieldViolation]:
    yield from strategy_violations(asked.strategy, _KINDS)
    yield from known_violations(asked.known_entities)


def _to_extract(
    asked: pb.Delta | pb.ExtractMemoriesRequest, conversation: Conversation
) -> ToExtract:
    known = tuple(KnownEntity(e.name, e.kind, e.relation, e.of) for e in asked.known_entities)
    return ToExtract(replace(conversation, known=known), _strategy(asked.strategy))


def _strategy(strategy: memory_pb2.ExtractionStrategy) -> Strategy:
    return Strategy(_KINDS[strategy.kind], strategy.instructions, strategy.include_assistant)


def _numbered(messages: Sequence[memory_pb2.Message], now: datetime) -> list[memory_pb2.Message]:
    """The messages with their places for ids that are missing, and `now` for times."""
    return [
        _filled(message, str(place), _timestamp(now))
        for place, message in enumerate(messages, start=1)
    ]


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
        time=in_zone(message.create_time.ToDatetime(tzinfo=UTC), message.time_zone),
    )


def _embed_violations(request: pb.EmbedRequest) -> Iterator[FieldViolation]:
    yield from size_violations("texts", len(request.texts), MAX_EMBED_TEXTS)
    for place, text in enumerate(request.texts[: MAX_EMBED_TEXTS + 1]):
        yield from bytes_violations(f"texts[{place}]", text, MAX_EMBED_TEXT_BYTES, least=1)
    if request.purpose not in _PURPOSES:
        yield FieldViolation("purpose", "is none of the known ones")


def _summary_violations(request: pb.SummarizeRequest) -> Iterator[FieldViolation]:
    yield from bytes_violations("summary", request.summary, MAX_SUMMARY_BYTES)
    fewest, most = MIN_SUMMARY_TOKENS, MAX_SUMMARY_TOKENS
    if request.max_tokens and not fewest <= request.max_tokens <= most:
        yield FieldViolation("max_tokens", f"must be {fewest} to {most}, or 0 for the default")


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
        untrusted=finding.untrusted,
        slot=finding.slot,
    )


def _usage(usage: LlmUsage) -> pb.LlmUsage | None:
    """Unset where no language model answered anything."""
    if not usage.calls:
        return None
    return pb.LlmUsage(
        calls=usage.calls,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
    )


def _event_time(event: EventTime | None) -> memory_pb2.EventTime | None:
    """Unset also at the very ends of the calendar, where a zone's time has none in UTC."""
    if event is None:
        return None
    try:
        time = _timestamp(event.time)
    except OverflowError:
        return None
    return memory_pb2.EventTime(
        time=time,
        precision=_PRECISIONS[event.precision],
        time_zone=name_of(event.time.tzinfo),
    )
