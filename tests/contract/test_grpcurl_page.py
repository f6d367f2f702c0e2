"""docs/grpcurl.md: every line of it is run, in order, and prints what the page says it prints.

A block is marked after its language: `setup` defines the function `am`, `protoset` is for servers
without reflection, `broken` wants an extractor that fails on what it is given there.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from extractor_service.app import load_rules
from extractor_service.domain import PLAIN as NOTHING_KNOWN
from extractor_service.domain import Finding, Setting, Turn
from extractor_service.worker import Ruleset
from memory_service.embedded import EmbeddedRedis
from service_kit.children import ServerProcess
from tests.contract.conftest import free_ports
from tests.support.extractor_server import POISON, served
from tests.support.stack import FAST, serving

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
MEMORY, EXTRACTOR = "127.0.0.1:50051", "127.0.0.1:50052"
"""The addresses that the page is written for."""


@dataclass(frozen=True)
class Block:
    """Lines to paste, and what they should print, in this order."""

    marks: frozenset[str]
    code: str

    @property
    def expected(self) -> list[str]:
        return re.findall(r"^#> (.*)$", self.code, re.MULTILINE)


PAGE = (ROOT / "docs/grpcurl.md").read_text()
BLOCKS = [
    Block(frozenset(marks.split()), code)
    for marks, code in re.findall(r"^```sh([^\n]*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
]
PLAIN, PROTOSET = (block.code for block in BLOCKS if "setup" in block.marks)


class BreakableRules:
    """The real rules; while they are broken, a poisonous text is a defect of theirs."""

    def __init__(self) -> None:
        self._rules = load_rules()
        self.broken = False

    def ruleset(self) -> Ruleset:
        real = self._rules
        return Ruleset(self._extract, real.version, real.context_turns, real.read)

    def _extract(
        self, turn: Turn, context: Sequence[Turn], setting: Setting = NOTHING_KNOWN
    ) -> tuple[Finding, ...]:
        if self.broken and POISON in turn.text:
            raise ValueError
        return self._rules.extract(turn, context, setting)


@dataclass(frozen=True)
class Desk:
    """Where the lines are pasted: two servers of one stack, the second without reflection."""

    rules: BreakableRules
    memory: str
    without_reflection: str
    extractor: str
    folder: Path

    async def paste(self, code: str, *, memory: str, setup: str = PLAIN) -> tuple[int, str]:
        """Return the shell's status and all that it prints."""
        script = f"set -eo pipefail\n{setup}{code}"
        for there, here in (
            (MEMORY, memory),
            (EXTRACTOR, self.extractor),
            ("/tmp/", f"{self.folder}/"),
        ):
            script = script.replace(there, here)
        shell = await asyncio.create_subprocess_exec(
            *("bash", "-c", script),
            cwd=ROOT,
            env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await shell.communicate()
        assert shell.returncode is not None
        return shell.returncode, printed.decode()


def memory_at(address: str, folder: Path, **settings: str) -> ServerProcess:
    environment = {**FAST, "MEMORY_BIND": address, **settings}
    log = folder / f"{address}.log"
    return ServerProcess("memory_service", address=address, environment=environment, log=log)


@pytest.fixture(scope="module")
async def desk() -> AsyncIterator[Desk]:
    rules = BreakableRules()
    first, second = (f"127.0.0.1:{port}" for port in free_ports(2))
    with tempfile.TemporaryDirectory(prefix="am-page-") as name:
        folder = Path(name)
        async with served(rules.ruleset) as extractor, EmbeddedRedis(folder / "redis") as redis:
            address = f"127.0.0.1:{extractor.extractor.bound.port}"
            settings = {"REDIS_URL": redis.url, "MEMORY_EXTRACTOR": address}
            reflecting = memory_at(first, folder, **settings)
            silent = memory_at(second, folder, MEMORY_REFLECTION="off", **settings)
            async with serving(reflecting), serving(silent):
                yield Desk(rules, first, second, address, folder)


def assert_prints(block: Block, status: int, printed: str) -> None:
    assert status == 0, f"{block.code}\n{printed}"
    place, squeezed = 0, " ".join(printed.split())
    for expected in block.expected:
        found = squeezed.find(expected, place)
        assert found >= 0, f"no {expected!r} where it should be\n{block.code}\n{printed}"
        place = found + len(expected)


async def test_every_line_of_the_page_prints_what_the_page_says(desk: Desk) -> None:
    lines = [block for block in BLOCKS if not {"setup", "protoset"} & block.marks]
    assert all(block.expected for block in lines)
    for block in lines:
        desk.rules.broken = "broken" in block.marks
        assert_prints(block, *await desk.paste(block.code, memory=desk.memory))


async def test_the_protoset_stands_in_for_reflection(desk: Desk) -> None:
    line = """am SearchMemories '{"scope": {"user_id": "nobody"}, "query": "?"}' -emit-defaults\n"""
    status, printed = await desk.paste(line, memory=desk.without_reflection)
    assert status != 0
    assert "server does not support the reflection API" in printed
    status, printed = await desk.paste(line, memory=desk.without_reflection, setup=PROTOSET)
    assert (status, '"degraded": false' in printed) == (0, True), printed
    for block in BLOCKS:
        if "protoset" in block.marks and "setup" not in block.marks:
            pasted = await desk.paste(block.code, memory=desk.without_reflection, setup=PROTOSET)
            assert_prints(block, *pasted)


async def test_the_protoset_knows_the_details_of_errors(desk: Desk) -> None:
    line = """am SearchMemories '{"scope": {"user_id": "nobody"}, "limit": 1000}' || true\n"""
    _, printed = await desk.paste(line, memory=desk.without_reflection, setup=PROTOSET)
    assert '"reason":"INVALID_FIELD"' in printed
    assert '"field":"limit"' in printed
