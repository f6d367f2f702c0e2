"""The contract's limits on what comes in: each check yields what is wrong, with its path."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC

from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import memory_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from extractor_service.errors import invalid
from service_kit.errors import FieldViolation
from service_kit.time_zones import zone_of

MAX_CONTENT_BYTES = 256 * 1024
MAX_NAME_CHARS = 256
MAX_ID_CHARS = 128
MAX_INSTRUCTIONS_BYTES = 4 * 1024
MAX_KNOWN = 32


def refuse(violations: Iterable[FieldViolation]) -> None:
    """Raise ServiceError INVALID_FIELD with all of them, if there are any."""
    found = tuple(violations)
    if found:
        raise invalid(*found)


def size_violations(path: str, size: int, most: int) -> Iterator[FieldViolation]:
    """A list of 1 to `most`."""
    if not 1 <= size <= most:
        yield FieldViolation(path, f"must hold 1 to {most}, holds {size}")


def bytes_violations(path: str, text: str, most: int, least: int = 0) -> Iterator[FieldViolation]:
    """A text of `least` to `most` bytes of UTF-8."""
    if not least <= len(text.encode()) <= most:
        yield FieldViolation(path, f"must be of {least} to {most} bytes")


def message_violations(
    messages: Sequence[memory_pb2.Message],
    context: Sequence[memory_pb2.Message],
    roles: Collection[int],
) -> Iterator[FieldViolation]:
    """Messages with ids, each of one of the roles, and those before them, which need no ids."""
    seen: set[str] = set()
    for place, message in enumerate(messages):
        yield from _violations(message, f"messages[{place}]", roles)
        yield from _id_violations(message.id, f"messages[{place}].id", seen)
    for place, message in enumerate(context):
        yield from _violations(message, f"context[{place}]", roles)


def strategy_violations(
    strategy: memory_pb2.ExtractionStrategy, kinds: Collection[int]
) -> Iterator[FieldViolation]:
    """A strategy of one of the kinds, with instructions if and only if it is CUSTOM."""
    path = "strategy.instructions"
    if strategy.kind not in kinds:
        yield FieldViolation("strategy.kind", "is none that can be extracted")
    if strategy.kind == memory_pb2.EXTRACTION_KIND_CUSTOM:
        if not strategy.instructions.strip():
            yield FieldViolation(path, "is required for CUSTOM")
        yield from bytes_violations(path, strategy.instructions, MAX_INSTRUCTIONS_BYTES)
    elif strategy.instructions:
        yield FieldViolation(path, "is for CUSTOM alone")


def known_violations(known: Sequence[pb.KnownEntity]) -> Iterator[FieldViolation]:
    """Those known from before, each with a name of one line, a relation, and of whom."""
    if len(known) > MAX_KNOWN:
        yield FieldViolation("known_entities", f"must hold at most {MAX_KNOWN}")
    for place, entity in enumerate(known[:MAX_KNOWN]):
        for field in ("name", "relation", "of"):
            path, value = f"known_entities[{place}].{field}", getattr(entity, field)
            if not value.strip():
                yield FieldViolation(path, "is required")
            elif len(value) > MAX_NAME_CHARS:
                yield FieldViolation(path, f"is longer than {MAX_NAME_CHARS} characters")
            elif not value.isprintable():
                yield FieldViolation(path, "must be one line of printable characters")


def _violations(
    message: memory_pb2.Message, path: str, roles: Collection[int]
) -> Iterator[FieldViolation]:
    if message.role not in roles:
        yield FieldViolation(f"{path}.role", "is required")
    if len(message.name) > MAX_NAME_CHARS:
        yield FieldViolation(f"{path}.name", f"is longer than {MAX_NAME_CHARS} characters")
    if not message.content and not message.tool_calls:
        yield FieldViolation(f"{path}.content", "is required")
    if len(message.content.encode()) > MAX_CONTENT_BYTES:
        yield FieldViolation(f"{path}.content", f"is longer than {MAX_CONTENT_BYTES} bytes")
    if not message.HasField("create_time"):
        yield FieldViolation(f"{path}.create_time", "is required")
    elif not is_time(message.create_time):
        yield FieldViolation(f"{path}.create_time", "is not within the years 1 to 9999")
    if zone_of(message.time_zone) is None:
        yield FieldViolation(f"{path}.time_zone", "is no time zone")


def _id_violations(identifier: str, path: str, seen: set[str]) -> Iterator[FieldViolation]:
    if not 1 <= len(identifier) <= MAX_ID_CHARS:
        yield FieldViolation(path, f"must be of 1 to {MAX_ID_CHARS} characters")
    elif any(unicodedata.category(character) == "Cc" for character in identifier):
        yield FieldViolation(path, "must not hold control characters")
    elif identifier in seen:
        yield FieldViolation(path, "is the id of an earlier message too")
    seen.add(identifier)


def is_time(timestamp: Timestamp) -> bool:
    """Whether it is within the years 1 to 9999, which is what a datetime can be."""
    try:
        timestamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        return False
    return True
