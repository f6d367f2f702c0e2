"""Conditions on metadata: checked against their limits, and turned into the domain's."""

from __future__ import annotations

from collections.abc import Sequence

from agentmemory.v1 import memory_pb2 as pb

from memory_service.domain.errors import InvalidField
from memory_service.domain.filters import (
    Condition,
    Filter,
    MetadataAnyOf,
    MetadataHas,
    MetadataIs,
    MetadataRange,
)
from memory_service.translate import fields
from memory_service.translate.ranges import bounds

MAX_NAMES = 16
MAX_VALUES = 64


def from_proto(given: pb.MetadataCondition, path: str) -> Condition:
    """Return the condition; raise InvalidField with the path of what is at fault."""
    names = _names(given.path, f"{path}.path")
    match given.WhichOneof("match"):
        case "exists":
            there = MetadataHas(names)
            return there if given.exists else Filter(must_not=(there,))
        case "equals":
            return MetadataAnyOf(names, (fields.name(given.equals, f"{path}.equals"),))
        case "any_of":
            return MetadataAnyOf(names, _values(given.any_of.values, f"{path}.any_of.values"))
        case "is":
            return MetadataIs(names, getattr(given, "is"))
        case "range":
            return MetadataRange(names, *bounds(given.range, f"{path}.range"))
        case _:
            raise InvalidField(path, "needs one of exists, equals, any_of, is, range")


def _names(names: Sequence[str], path: str) -> tuple[str, ...]:
    fields.size(names, path, least=1, most=MAX_NAMES)
    if sum(len(name) for name in names) > fields.MAX_NAME:
        raise InvalidField(path, f"is longer than {fields.MAX_NAME} characters")
    return tuple(names)


def _values(values: Sequence[str], path: str) -> tuple[str, ...]:
    fields.size(values, path, least=1, most=MAX_VALUES)
    return tuple(dict.fromkeys(fields.name(v, f"{path}[{i}]") for i, v in enumerate(values)))
