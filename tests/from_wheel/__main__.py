"""Run the tests against the built wheel: `python -m tests.from_wheel [arguments of pytest]`.

The wheel is built, and installed with its extras into a new virtual environment at the versions
that are pinned. What the tests need beside it is copied to a folder in which no module of the
packages is, and they are run there by that environment: see guard.py.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "build" / "wheel"
EXTRAS = "extractor,embedded,llm,examples,tracing,dev"
GUARD = "tests.from_wheel.guard"

COPIED = (
    *("tests", "examples", "docs", "deploy", "protos", ".ci", ".github"),
    *("README.md", "SECURITY.md", "CHANGELOG.md", "Makefile", "buf.yaml", "pyproject.toml"),
    *("requirements.txt", "requirements-bare.txt", ".dockerignore", ".gitignore"),
)
"""What tests read or run, and what the pages that they read link to. The packages are not here."""


def main(arguments: Sequence[str]) -> int:
    """Build, install and copy, then return the status of pytest."""
    shutil.rmtree(PLACE, ignore_errors=True)
    python = environment(PLACE / "environment")
    project = PLACE / "project"
    # At once: installing takes minutes, in which somebody may change the sources.
    wheel = build(PLACE / "dist", python)
    copy(project)
    install(wheel, python)
    command = [python, "-m", "pytest", "-p", GUARD, *arguments]
    return subprocess.run(command, cwd=project, env=_variables(), check=False).returncode


def environment(folder: Path) -> Path:
    """Make a virtual environment; return its interpreter."""
    venv.create(folder, with_pip=True)
    return folder / "bin" / "python"


def build(folder: Path, python: Path) -> Path:
    """Build the wheel from the sources into the folder."""
    _pip(python, "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, python: Path) -> None:
    """Install the wheel with its extras.

    They say what is installed, and the pins at which versions: a package that the wheel does not
    ask for is not there.
    """
    _pip(python, "install", "--constraint", str(ROOT / "requirements.txt"), f"{wheel}[{EXTRAS}]")
    bare = str(ROOT / "requirements-bare.txt")
    _pip(python, "install", "--no-deps", "--requirement", bare)


def copy(project: Path) -> None:
    """Copy what tests need beside the packages; of the contract the protos alone."""
    project.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, project / name, ignore=_not_wanted)
        else:
            shutil.copy(source, project / name)


def _not_wanted(folder: str, names: list[str]) -> set[str]:
    stubs = "agentmemory" in Path(folder).relative_to(ROOT).parts
    return {
        name
        for name in names
        if name in {"__pycache__", "node_modules"}
        or (stubs and name.endswith((".py", ".pyi", ".typed")))
    }


def _pip(python: Path, *arguments: str) -> None:
    quiet = ("--quiet", "--disable-pip-version-check")
    subprocess.run([python, "-m", "pip", *quiet, *arguments], check=True, env=_variables())


def _variables() -> dict[str, str]:
    """The environment variables of this process, without what would lead to the sources."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
