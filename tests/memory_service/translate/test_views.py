from __future__ import annotations

from typing import Any

import pytest
from agentmemory.v1 import memory_pb2 as pb
from agentmemory.v1 import memory_service_pb2 as service_pb
from google.protobuf.timestamp_pb2 import Timestamp

from memory_service.domain.errors import InvalidField
from memory_service.domain.search import View
from memory_service.translate import views

NOW = 1_700_000_000_000_000
V, K = Timestamp(seconds=5), Timestamp(seconds=9, nanos=1000)
BAD = Timestamp(nanos=-1)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, View(current=NOW)),
        ({"include_superseded": True}, View()),
        ({"as_of": pb.AsOf(valid_time=V)}, View(true=5_000_000)),
        ({"as_of": pb.AsOf(record_time=K)}, View(known=9_000_001, current=9_000_001)),
        (
            {"as_of": pb.AsOf(record_time=K), "include_superseded": True},
            View(known=9_000_001),
        ),
        ({"as_of": pb.AsOf(valid_time=V, record_time=K)}, View(known=9_000_001, true=5_000_000)),
        ({"as_of": pb.AsOf(valid_time=Timestamp())}, View(true=0)),
    ],
)
def test_searches_and_lists_look_where_they_are_told_to(
    options: dict[str, Any], expected: View
) -> None:
    assert views.from_proto(pb.SearchOptions(**options), "options.", now=NOW) == expected
    assert views.from_proto(service_pb.ListMemoriesRequest(**options), "", now=NOW) == expected


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"as_of": pb.AsOf()}, "as_of"),
        ({"as_of": pb.AsOf(valid_time=BAD)}, "as_of.valid_time"),
        ({"as_of": pb.AsOf(record_time=BAD)}, "as_of.record_time"),
        ({"as_of": pb.AsOf(valid_time=V), "include_superseded": True}, "include_superseded"),
        (
            {"as_of": pb.AsOf(valid_time=V, record_time=K), "include_superseded": True},
            "include_superseded",
        ),
    ],
)
def test_the_option_at_fault_is_named(options: dict[str, Any], path: str) -> None:
    for given, prefix in (
        (pb.SearchOptions(**options), "options."),
        (service_pb.ListMemoriesRequest(**options), ""),
    ):
        with pytest.raises(InvalidField) as caught:
            views.from_proto(given, prefix, now=NOW)
        assert caught.value.path == prefix + path
