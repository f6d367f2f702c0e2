"""A stack under the rights that the manifests give it, and a day that it has had."""

from __future__ import annotations

import asyncio
import re
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis

from examples.stack import Addresses, Options, running
from memory_service.embedded import EmbeddedRedis
from memory_service.store.connection import command, connect
from tests.contract.conftest import free_ports
from tests.deploy.day import spend
from tests.support.client import connected
from tests.support.prometheus import Prometheus, scraping
from tests.support.stack import FAST
from tests.support.waiting import wait_until

USERS = Path(__file__).parents[2] / "deploy" / "overlays" / "dev" / "users.acl"
PASSWORD, OPERATOR_PASSWORD = "development-only", "development-only-operator"

GENEROUS = {
    **{f"MEMORY_{whose}_MAX_MEMORIES": "1000" for whose in ("OWNER", "TENANT")},
    "MEMORY_TENANT_REQUESTS_PER_SECOND": "1000",
    "MEMORY_TENANT_MAX_STREAMS": "100",
}
"""Limits that nobody reaches, but that are counted."""

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


@dataclass(frozen=True)
class Day:
    """What a stack showed before and after a day, and what others think of it.

    `prometheus` has scraped it all the while; None where Prometheus is not installed.
    """

    redis: Redis
    before: Samples
    after: Samples
    names: frozenset[str]
    prometheus: Prometheus | None


@pytest.fixture(scope="package")
async def day() -> AsyncIterator[Day]:
    """A whole stack, whose MemoryService is the user that the manifests name."""
    with tempfile.TemporaryDirectory(prefix="am-day-") as name:
        here = Path(name)
        async with EmbeddedRedis(here / "redis") as embedded:
            admin = connect(embedded.url, max_connections=2)
            url = embedded.url.replace("unix://", f"unix://memory:{PASSWORD}@")
            async with aclosing(admin), AsyncExitStack() as started:
                for user in users():
                    await command(admin, "ACL", "SETUSER", *user)
                stack = await started.enter_async_context(running(options(here, url)))
                ports = (stack.addresses.memory_metrics, stack.addresses.extractor_metrics)
                named = dict(zip(("memory", "extractor"), ports, strict=True))
                prometheus = await started.enter_async_context(scraping(here, named))
                before = await scraped(*ports)
                async with connected(stack.addresses.memory) as stub:
                    await spend(stub)
                await wait_until(lambda: counted(*ports), "the memories are counted", seconds=20)
                if prometheus:
                    await prometheus.scraped_again()
                yield Day(admin, before, await scraped(*ports), await exposed(*ports), prometheus)


def users() -> list[list[str]]:
    """The users of the manifests but the default one, who is ours here."""
    lines = [line.split() for line in USERS.read_text().splitlines()]
    return [words[1:] for words in lines if words[1] != "default"]


def options(here: Path, redis_url: str) -> Options:
    memory_metrics, extractor_metrics = free_ports(2)
    addresses = Addresses(
        f"unix:{here}/memory.sock",
        f"unix:{here}/extractor.sock",
        memory_metrics,
        extractor_metrics,
    )
    memory = {name: value for name, value in FAST.items() if name != "MEMORY_METRICS_PORT"}
    memory |= GENEROUS
    model = {"EXTRACTOR_MODEL": "hash", "EXTRACTOR_TORCH_THREADS": "1"}
    return Options(addresses, here / "unused", here, redis_url, memory=memory, extractor=model)


async def scraped(*ports: int) -> Samples:
    """The samples of all these ports, by name and labels; what several show is added."""
    samples: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for port in ports:
        text = await asyncio.to_thread(_get, f"http://127.0.0.1:{port}/metrics")
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                key = (sample.name, frozenset(sample.labels.items()))
                samples[key] = samples.get(key, 0.0) + sample.value
    return samples


async def counted(*ports: int) -> bool:
    """Whether what is looked at regularly has been looked at since there were memories."""
    return (await scraped(*ports))["memory_index_memories", frozenset()] > 0


async def exposed(*ports: int) -> frozenset[str]:
    """The names of all samples that these ports may show, those without any yet too."""
    names: set[str] = set()
    for port in ports:
        text = await asyncio.to_thread(_get, f"http://127.0.0.1:{port}/metrics")
        for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
            names |= {name + suffix for suffix in _SUFFIXES.get(kind, ("",))}
    return frozenset(names)


_SUFFIXES = {"histogram": ("_bucket", "_count", "_sum")}


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())
