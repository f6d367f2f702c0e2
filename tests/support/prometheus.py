"""A real Prometheus that scrapes a stack of a test, or of a benchmark."""

from __future__ import annotations

import asyncio
import json
import shutil
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from service_kit.lifeline import tied_to_this_process
from tests.contract.conftest import free_ports
from tests.support.waiting import wait_until

PATIENCE = 30.0

NO_PROMETHEUS = (
    "" if shutil.which("prometheus") else "Prometheus is not installed: Debian's prometheus"
)


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus that runs, and answers queries."""

    url: str
    targets: int

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the vector that the expression gives; AssertionError if it is none."""
        path = f"/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        return list((await self._get(path))["data"]["result"])

    async def query_range(
        self, expression: str, start: float, end: float, step: float
    ) -> list[dict[str, Any]]:
        """Return the matrix that the expression gives from `start` to `end`, in Unix time."""
        asked = {"query": expression, "start": start, "end": end, "step": step}
        path = f"/api/v1/query_range?{urllib.parse.urlencode(asked)}"
        return list((await self._get(path))["data"]["result"])

    async def scraped_again(self) -> None:
        """Wait until every target has been scraped twice more."""
        (now,) = await self.query("vector(time())")
        began = float(now["value"][1])

        async def twice() -> bool:
            # A sample's own time is that of its scrape.
            found = await self.query(f"count(timestamp(up) > {began + 2})")
            return bool(found) and int(found[0]["value"][1]) == self.targets

        await wait_until(twice, "Prometheus has scraped again", seconds=PATIENCE)

    async def _get(self, path: str) -> dict[str, Any]:
        return dict(json.loads(await asyncio.to_thread(_read, self.url + path)))


@asynccontextmanager
async def scraping(folder: Path, ports: Mapping[str, int]) -> AsyncIterator[Prometheus | None]:
    """Scrape these ports, instances by name, every second; None without Prometheus."""
    program = shutil.which("prometheus")
    if program is None:
        yield None
        return
    (port,) = free_ports(1)
    config = folder / "prometheus.yml"
    targets = [
        {"targets": [f"127.0.0.1:{each}"], "labels": {"instance": name}}
        for name, each in ports.items()
    ]
    job = {"job_name": "stack", "scrape_interval": "1s", "static_configs": targets}
    config.write_text(yaml.safe_dump({"scrape_configs": [job]}))
    options = {
        "config.file": str(config),
        "storage.tsdb.path": str(folder / "prometheus"),
        "web.listen-address": f"127.0.0.1:{port}",
    }
    command = [program, *(f"--{name}={value}" for name, value in options.items())]
    with (folder / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *tied_to_this_process(command), stdout=log, stderr=log
        )
    try:
        prometheus = Prometheus(f"http://127.0.0.1:{port}", len(ports))
        await _answering(prometheus)
        await prometheus.scraped_again()
        yield prometheus
    finally:
        process.terminate()
        await process.wait()


async def _answering(prometheus: Prometheus) -> None:
    async def answers() -> bool:
        try:
            return bool(await prometheus.query("up"))
        except OSError:
            return False

    await wait_until(answers, "Prometheus answers", seconds=PATIENCE)


def _read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return bytes(answer.read())
