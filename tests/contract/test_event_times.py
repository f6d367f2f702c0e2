"""The event times that callers write: the start of the unit, by the calendar of their zone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from google.protobuf.field_mask_pb2 import FieldMask

DAY, WEEK = memory_pb2.TIME_PRECISION_DAY, memory_pb2.TIME_PRECISION_WEEK
MONTH, YEAR = memory_pb2.TIME_PRECISION_MONTH, memory_pb2.TIME_PRECISION_YEAR
MINUTE = memory_pb2.TIME_PRECISION_MINUTE
SAID = "2026-03-29T12:34:56.789Z"

STARTS = [
    (DAY, "", "2026-03-29T00:00:00Z"),
    (WEEK, "", "2026-03-23T00:00:00Z"),
    (MONTH, "", "2026-03-01T00:00:00Z"),
    (YEAR, "", "2026-01-01T00:00:00Z"),
    (MINUTE, "Europe/Berlin", SAID),
    # The clocks went on at 1:00 UTC.
    (DAY, "Europe/Berlin", "2026-03-28T23:00:00Z"),
    (WEEK, "Europe/Berlin", "2026-03-22T23:00:00Z"),
    (DAY, "Pacific/Kiritimati", "2026-03-29T10:00:00Z"),
    (YEAR, "America/New_York", "2026-01-01T05:00:00Z"),
]


def told(
    precision: memory_pb2.TimePrecision, zone: str = "", time: str = SAID
) -> memory_pb2.EventTime:
    event = memory_pb2.EventTime(precision=precision, time_zone=zone)
    event.time.FromJsonString(time)
    return event


@pytest.mark.parametrize(("precision", "zone", "start"), STARTS)
async def test_any_time_within_a_unit_stands_for_it(
    memory: MemoryServiceStub,
    new_scope: Callable[[], memory_pb2.Scope],
    precision: memory_pb2.TimePrecision,
    zone: str,
    start: str,
):
    scope, event = new_scope(), told(precision, zone)
    written = memory_pb2.Memory(id="met", text="Ann met Bob.", event_time=event)
    await memory.CreateMemories(pb.CreateMemoriesRequest(scope=scope, memories=[written]))
    created = (await memory.GetMemory(pb.GetMemoryRequest(scope=scope, id="met"))).memory
    changed = memory_pb2.Memory(id="met", event_time=told(YEAR, "", "2001-02-03T04:05:06Z"))
    mask = FieldMask(paths=["event_time"])
    request = pb.UpdateMemoryRequest(scope=scope, memory=changed, update_mask=mask)
    updated = (await memory.UpdateMemory(request)).memory

    assert created.event_time == told(precision, zone, start)
    assert updated.event_time == told(YEAR, "", "2001-01-01T00:00:00Z")


async def test_two_times_of_one_day_are_one_fact(
    memory: MemoryServiceStub, new_scope: Callable[[], memory_pb2.Scope]
):
    scope = new_scope()
    for time in ("2026-03-29T08:00:00Z", "2026-03-29T21:00:00Z"):
        met = memory_pb2.Memory(text="Ann met Bob.", event_time=told(DAY, "", time))
        answer = await memory.CreateMemories(pb.CreateMemoriesRequest(scope=scope, memories=[met]))
    listed = await memory.ListMemories(pb.ListMemoriesRequest(scope=scope))

    assert len(listed.memories) == 1
    assert listed.memories[0].id == answer.results[0].memory.id
