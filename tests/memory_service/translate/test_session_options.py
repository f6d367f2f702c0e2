from __future__ import annotations

from typing import Any

import pytest
from agentmemory.v1 import memory_pb2 as pb
from google.protobuf.duration_pb2 import Duration

from memory_service.domain.errors import InvalidField
from memory_service.domain.session_options import (
    DEFAULTS,
    ExtractionKind,
    SessionOptions,
    Strategy,
)
from memory_service.translate import session_options

YEARS = Duration(seconds=3650 * 24 * 3600)
CUSTOM = pb.EXTRACTION_KIND_CUSTOM


def options(**fields: Any) -> pb.SessionOptions:
    of_strategy = ("kind", "instructions", "include_assistant")
    strategy = {name: fields.pop(name) for name in of_strategy if name in fields}
    return pb.SessionOptions(strategy=pb.ExtractionStrategy(**strategy), **fields)


def test_nothing_given_is_forever_and_discrete():
    assert session_options.from_proto(pb.SessionOptions(), "o") == DEFAULTS
    assert session_options.to_proto(DEFAULTS) == options(kind=pb.EXTRACTION_KIND_DISCRETE)


@pytest.mark.parametrize(
    "given",
    [
        options(kind=pb.EXTRACTION_KIND_PREFERENCES),
        options(kind=pb.EXTRACTION_KIND_DISCRETE, include_assistant=True),
        options(kind=pb.EXTRACTION_KIND_DISCRETE, time_zone="America/New_York"),
        options(kind=pb.EXTRACTION_KIND_NONE, ttl=Duration(seconds=1)),
        options(kind=pb.EXTRACTION_KIND_SUMMARY, ttl=YEARS),
        options(kind=CUSTOM, instructions="é" * 2048, ttl=Duration(seconds=9, nanos=1000)),
    ],
)
def test_options_come_back_as_they_were_given(given: pb.SessionOptions):
    assert session_options.to_proto(session_options.from_proto(given, "o")) == given


def test_a_ttl_is_kept_to_the_microsecond():
    found = session_options.from_proto(options(ttl=Duration(seconds=2, nanos=1_999)), "o")
    assert found == SessionOptions(ttl=2_000_001)


def test_every_kind_of_the_contract_has_its_own_in_the_domain():
    kinds = {
        session_options.from_proto(options(kind=kind, instructions="x" * (kind == CUSTOM)), "o")
        for kind in pb.ExtractionKind.values()
    }
    assert {found.strategy.kind for found in kinds} == set(ExtractionKind)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        (options(ttl=Duration()), "o.ttl"),
        (options(ttl=Duration(nanos=999_999_999)), "o.ttl"),
        (options(ttl=Duration(seconds=-1)), "o.ttl"),
        (options(ttl=Duration(seconds=YEARS.seconds, nanos=1000)), "o.ttl"),
        (options(ttl=Duration(seconds=2**62)), "o.ttl"),
        (options(ttl=Duration(seconds=5, nanos=-1)), "o.ttl"),
        (options(ttl=Duration(seconds=5, nanos=2**30)), "o.ttl"),
        (options(kind=99), "o.strategy.kind"),
        (options(kind=CUSTOM), "o.strategy.instructions"),
        (options(kind=CUSTOM, instructions=" \n"), "o.strategy.instructions"),
        (options(kind=CUSTOM, instructions="é" * 2049), "o.strategy.instructions"),
        (options(time_zone="Mars"), "o.time_zone"),
        (options(instructions="x"), "o.strategy.instructions"),
        (
            options(kind=pb.EXTRACTION_KIND_NONE, instructions="x"),
            "o.strategy.instructions",
        ),
    ],
)
def test_the_option_at_fault_is_named(given: pb.SessionOptions, path: str):
    with pytest.raises(InvalidField) as caught:
        session_options.from_proto(given, "o")
    assert caught.value.path == path


def test_a_strategy_goes_to_the_extractor_as_it_is():
    strategy = Strategy(ExtractionKind.CUSTOM, "Only cats.")
    assert session_options.strategy_to_proto(strategy) == pb.ExtractionStrategy(
        kind=CUSTOM, instructions="Only cats."
    )
