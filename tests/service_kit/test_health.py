from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from service_kit.health import CachedCheck, Check, Health
from tests.service_kit.echo_service import MARKER, SERVICE, serving

Response = health_pb2.HealthCheckResponse
Request = health_pb2.HealthCheckRequest


@dataclass
class Probe:
    """A probe whose answer the test sets, and which counts how often it is asked."""

    answer: bool | Exception = True
    asked: int = 0
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    asked_once: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.let_go.set()

    async def __call__(self) -> bool:
        self.asked += 1
        self.asked_once.set()
        await self.let_go.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


async def test_an_answer_is_good_for_its_ttl():
    probe, clock = Probe(), Clock()
    check = CachedCheck(Check("it", probe, ttl=10), clock)
    assert await check.passes()
    probe.answer = False
    clock.now += 9.9
    assert await check.passes()
    assert probe.asked == 1
    clock.now += 0.2
    assert not await check.passes()
    assert probe.asked == 2


async def test_many_who_ask_at_once_share_one_answer():
    probe = Probe()
    probe.let_go.clear()
    check = CachedCheck(Check("it", probe))
    asking = [asyncio.create_task(check.passes()) for _ in range(10)]
    await probe.asked_once.wait()
    probe.let_go.set()
    assert all(await asyncio.gather(*asking))
    assert probe.asked == 1


async def test_a_probe_that_hangs_fails_after_its_timeout():
    probe = Probe()
    probe.let_go.clear()
    assert not await CachedCheck(Check("it", probe, timeout=0.01)).passes()


async def test_a_line_is_logged_only_when_the_answer_changes(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    probe = Probe()
    check = CachedCheck(Check("redis", probe, ttl=0))
    for answer in (True, True, False, False, RuntimeError(MARKER), True):
        probe.answer = answer
        await check.passes()
    lines = [(record.check, record.passing, record.why) for record in caplog.records]
    assert lines == [
        ("redis", True, "passes"),
        ("redis", False, "fails"),
        ("redis", True, "passes"),
    ]


async def test_an_exception_is_logged_by_its_type(caplog: pytest.LogCaptureFixture):
    check = CachedCheck(Check("redis", Probe(RuntimeError(MARKER))))
    assert not await check.passes()
    assert [record.why for record in caplog.records] == ["builtins.RuntimeError"]
    assert MARKER not in str([vars(record) for record in caplog.records])


async def status_of(channel: grpc.aio.Channel, service: str) -> int:
    stub = health_pb2_grpc.HealthStub(channel)
    return (await stub.Check(Request(service=service))).status


async def test_a_service_serves_while_all_of_its_checks_pass():
    good, bad = Probe(), Probe(answer=False)
    health = Health(
        {
            SERVICE: [Check("good", good, ttl=0.01)],
            "test.Other": [Check("good too", good), Check("bad", bad, ttl=0.01)],
        }
    )
    async with serving(health=health) as running:
        await health.refresh()
        assert await status_of(running.channel, SERVICE) == Response.SERVING
        assert await status_of(running.channel, "test.Other") == Response.NOT_SERVING
        assert await status_of(running.channel, "") == Response.NOT_SERVING
        listed = await health_pb2_grpc.HealthStub(running.channel).List(
            health_pb2.HealthListRequest()
        )
        assert {name: answer.status for name, answer in listed.statuses.items()} == {
            SERVICE: Response.SERVING,
            "test.Other": Response.NOT_SERVING,
            "": Response.NOT_SERVING,
        }
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await status_of(running.channel, "test.Unknown")
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_nothing_serves_before_the_first_answer():
    probe = Probe()
    probe.let_go.clear()
    async with serving(health=Health({SERVICE: [Check("it", probe)]})) as running:
        await probe.asked_once.wait()
        assert await status_of(running.channel, SERVICE) == Response.NOT_SERVING
        assert await status_of(running.channel, "") == Response.NOT_SERVING


async def test_watchers_see_health_flip_and_their_stream_end_with_the_drain():
    probe = Probe()
    health = Health({SERVICE: [Check("it", probe, ttl=0.005)]})
    async with serving(health=health) as running:
        watch = health_pb2_grpc.HealthStub(running.channel).Watch(Request(service=SERVICE))
        seen = [(await watch.read()).status]
        while seen[-1] != Response.SERVING:
            seen.append((await watch.read()).status)
        probe.answer = False
        assert (await watch.read()).status == Response.NOT_SERVING
        probe.answer = True
        assert (await watch.read()).status == Response.SERVING
        await health.drain()
        assert (await watch.read()).status == Response.NOT_SERVING
        assert await watch.read() is grpc.aio.EOF
        assert await watch.code() is grpc.StatusCode.OK
        await health.refresh()
        assert await status_of(running.channel, SERVICE) == Response.NOT_SERVING


async def test_who_watches_an_unknown_service_is_told_so():
    async with serving() as running:
        watch = health_pb2_grpc.HealthStub(running.channel).Watch(Request(service="test.Unknown"))
        assert (await watch.read()).status == Response.SERVICE_UNKNOWN
        watch.cancel()


async def test_a_check_shared_by_services_is_asked_once():
    probe = Probe()
    check = Check("shared", probe)
    await Health({"a": [check], "b": [check]}).refresh()
    assert probe.asked == 1
