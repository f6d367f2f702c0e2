"""The wheel, installed without the source tree."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from zipfile import ZipFile

import pytest

from memory_service.embedded import EmbeddedRedis
from tests.from_wheel.__main__ import GUARD
from tests.support.client import Caller, connected
from tests.support.programs import ended_well, free_address, started, until_it_serves

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.source_tree("builds the wheel")
PACKAGES = ("agentmemory", "memory_service", "extractor_service", "service_kit")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel. Its build backend is downloaded: takes seconds, and a network."""
    directory = tmp_path_factory.mktemp("wheel")
    built = pip("wheel", str(ROOT), "--no-deps", "--wheel-dir", str(directory))
    if "No matching distribution found for hatchling" in built.stderr:
        pytest.skip("the build backend cannot be downloaded")
    assert built.returncode == 0, built.stderr
    (found,) = directory.glob("*.whl")
    return found


def pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_holds_the_packages_with_all_their_files_and_nothing_else(wheel: Path) -> None:
    names = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    sources = {
        path.relative_to(base).as_posix()
        for base, package in [(ROOT / "protos", "agentmemory"), *((ROOT, p) for p in PACKAGES[1:])]
        for path in (base / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == sources
    assert {"agentmemory/py.typed", "agentmemory/v1/memory_service.proto"} <= names
    for module in ("memory_service", "memory", "errors", "extractor_service"):
        assert {f"agentmemory/v1/{module}_pb2.py", f"agentmemory/v1/{module}_pb2.pyi"} <= names


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the wheel lies, without its dependencies: those are the ones of the tests."""
    directory = tmp_path_factory.mktemp("installed")
    done = pip("install", "--no-deps", "--target", str(directory), str(wheel))
    assert done.returncode == 0, done.stderr
    return directory


def test_what_it_installs_can_be_imported_and_has_its_commands(installed: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(installed)!r})\n"
        "import agentmemory.v1.memory_service_pb2_grpc, memory_service.app, service_kit.server\n"
        "import extractor_service.app\n"
        "print({sys.modules[name].__file__ for name in"
        " ('agentmemory', 'memory_service', 'extractor_service', 'service_kit')})"
    )
    imported = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd="/", capture_output=True, text=True, check=False
    )
    assert imported.returncode == 0, imported.stderr
    assert imported.stdout.count(str(installed)) == len(PACKAGES)
    assert {path.name for path in (installed / "bin").iterdir()} == {
        "agent-memory",
        "agent-memory-extractor",
    }


async def test_its_commands_serve_together_and_end_in_good_order(
    installed: Path, tmp_path: Path
) -> None:
    at, extractor = free_address(), free_address()
    # The rules with their files are loaded; the model is not of the wheel.
    extracting = {"EXTRACTOR_BIND": extractor, "EXTRACTOR_MODEL": "hash"}
    settings = {"MEMORY_BIND": at, "MEMORY_EXTRACTOR": extractor}
    async with (
        EmbeddedRedis(tmp_path) as redis,
        run(installed, "agent-memory-extractor", extractor, **extracting) as extractor_process,
        run(installed, "agent-memory", at, **settings, REDIS_URL=redis.url) as memory_process,
    ):
        async with connected(at) as stub:
            alice = Caller(stub, user="alice")
            await alice.say("s", "I work as a designer in Lisbon.")
            await alice.flush("s")
            (found,) = await alice.memories()
            assert "designer" in found.text
        for process in (memory_process, extractor_process):
            assert "stopped" in await ended_well(process)


@asynccontextmanager
async def run(
    installed: Path, program: str, address: str, **settings: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A command of the wheel, importing nothing of the source tree, once it serves."""
    ports = {"MEMORY_METRICS_PORT": "0", "EXTRACTOR_METRICS_PORT": "0"}
    environment = {"PYTHONPATH": str(installed), **ports, **settings}
    async with started([str(installed / "bin" / program)], environment) as process:
        await until_it_serves(address, process)
        yield process


def test_a_run_against_the_sources_is_none_against_the_wheel() -> None:
    command = [sys.executable, "-m", "pytest", "-p", GUARD, "--collect-only", "tests/test_wheel.py"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "agentmemory is not from the wheel" in ended.stderr
