"""What a service starts with, and what keeps it from starting."""

from __future__ import annotations

import os
import subprocess
import sys

import grpc.aio
import pytest

from memory_service.store.connection import connect
from memory_service.store.measured import MeasuredRedis
from memory_service.store.redis_metrics import RedisMetrics
from memory_service.store.traced import TracedRedis
from service_kit.tracing.spans import NO_SPANS, no_span
from service_kit.tracing.starting import OFF, tracing
from tests.service_kit.echo_service import settings

BLOCKED = """
import runpy, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "opentelemetry":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
sys.argv = [sys.argv[1]]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
"""Runs a module as if the extra was not installed."""

SECRET = "Bearer hunter2hunter2"


def run(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "MEMORY_TRACING": "true",
        "EXTRACTOR_TRACING": "true",
        "MEMORY_BIND": "127.0.0.1:0",
        "EXTRACTOR_BIND": "127.0.0.1:0",
        **variables,
    }
    return subprocess.run(
        [sys.executable, *command],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("service", ["memory_service", "extractor_service"])
def test_without_the_extra_a_service_that_is_to_trace_says_what_to_install(service: str):
    ended = run("-c", BLOCKED, service)
    name = service.removesuffix("_service")
    assert ended.stderr.splitlines() == [
        f"{name}: tracing is on and OpenTelemetry is not installed: install the extra 'tracing'"
    ]
    assert ended.returncode == 1


@pytest.mark.parametrize("service", ["memory_service", "extractor_service"])
def test_without_the_extra_a_service_that_does_not_trace_misses_nothing(service: str):
    ended = run("-c", BLOCKED.replace("[sys.argv[1]]", "[sys.argv[1], '--help']"), service)
    assert ended.returncode == 0, ended.stderr
    assert "_TRACING" in ended.stdout


@pytest.mark.parametrize("service", ["memory_service", "extractor_service"])
def test_a_variable_that_is_wrong_ends_the_start_and_its_value_is_not_told(service: str):
    ended = run(
        *("-m", service), OTEL_EXPORTER_OTLP_TIMEOUT=SECRET, OTEL_EXPORTER_OTLP_HEADERS=SECRET
    )
    assert ended.returncode == 1
    *_, last = ended.stderr.splitlines()
    assert last.endswith("tracing cannot be set up: builtins.ValueError; see the OTEL_ variables")
    assert "a header of OTEL_EXPORTER_OTLP_HEADERS is not name=value" in ended.stderr
    assert SECRET not in ended.stderr


async def test_off_it_adds_nothing_anywhere():
    async with tracing(settings(), "test") as found:
        assert found is OFF
    assert (found.interceptors, found.spans) == ((), NO_SPANS)
    async with grpc.aio.insecure_channel("localhost:1") as channel:
        assert found.traced(channel) is channel
    url = "redis://localhost:1"
    assert type(connect(url, metrics=RedisMetrics())) is MeasuredRedis
    traced = connect(url, metrics=RedisMetrics(), trip=lambda command, commands: no_span())
    assert type(traced) is TracedRedis


async def test_on_it_is_outside_of_all_and_around_every_call(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    async with tracing(settings(tracing=True), "test") as found:
        assert found.on
        assert [type(each).__name__ for each in found.interceptors] == ["TracingInterceptor"]
        async with grpc.aio.insecure_channel("localhost:1") as channel:
            assert found.traced(channel) is not channel
