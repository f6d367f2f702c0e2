"""The contract as files: linted, commented, and with stubs that are what the protos say."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_buf_finds_nothing_to_say_about_style_and_comments() -> None:
    assert {"STANDARD", "COMMENTS"} <= set((ROOT / "buf.yaml").read_text().split())
    linted = run(BIN / "buf", "lint")
    assert (linted.returncode, linted.stdout) == (0, "")


@pytest.mark.source_tree("compares the stubs that lie beside the protos")
def test_the_stubs_are_what_the_protos_give() -> None:
    checked = run(sys.executable, "protos/generate.py", "--check")
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.fixture
def generator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The generator, which takes its own stubs, in another folder, for those of the project."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "protos/generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.generate(tmp_path) == 0
    made = module._made
    monkeypatch.setattr(
        module, "_made", lambda place: made(tmp_path if place == module.ROOT else place)
    )
    return module


def change(stub: Path) -> None:
    stub.write_text(stub.read_text() + "# changed by hand\n")


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("agentmemory/v1/memory_pb2.py", change),
        ("agentmemory/v1/memory_pb2.pyi", Path.unlink),
        ("agentmemory/v1/gone_pb2.py", Path.touch),
        ("agentmemory.protoset", lambda protoset: protoset.write_bytes(b"")),
    ],
    ids=["changed", "missing", "too much", "not a stub"],
)
def test_the_check_names_what_is_not_current(
    name: str,
    spoil: Callable[[Path], None],
    generator: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert generator.check() == 0
    spoil(tmp_path / name)
    assert generator.check() == 1
    assert capsys.readouterr().err == f"protos/{name} is not current: run make protos\n"
