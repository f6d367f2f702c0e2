"""The wheel, installed without the source tree."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
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


def test_what_it_installs_can_be_imported_and_has_its_commands(wheel: Path, tmp_path: Path) -> None:
    installed = pip("install", "--no-deps", "--target", str(tmp_path), str(wheel))
    assert installed.returncode == 0, installed.stderr
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import agentmemory.v1.memory_service_pb2_grpc, memory_service.app, service_kit.server\n"
        "import extractor_service.app\n"
        "print({sys.modules[name].__file__ for name in"
        " ('agentmemory', 'memory_service', 'extractor_service', 'service_kit')})"
    )
    imported = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd="/", capture_output=True, text=True, check=False
    )
    assert imported.returncode == 0, imported.stderr
    assert imported.stdout.count(str(tmp_path)) == len(PACKAGES)
    assert {path.name for path in (tmp_path / "bin").iterdir()} == {
        "agent-memory",
        "agent-memory-extractor",
    }
