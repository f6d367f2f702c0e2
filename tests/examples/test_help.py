"""`--help` of each example says what it is for, and does nothing else."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path

import pytest

from tests.support.commands import outcome

ROOT = Path(__file__).parents[2]
PROGRAMS = sorted(
    path
    for path in (ROOT / "examples").rglob("*.py")
    if '__name__ == "__main__"' in path.read_text()
)
assert len(PROGRAMS) > 8


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix(".__main__")


@pytest.mark.parametrize("path", PROGRAMS, ids=module_of)
async def test_help_tells_what_an_example_is_for_and_starts_nothing(
    path: Path, tmp_path: Path
) -> None:
    places = dict.fromkeys(["HOME", "TMPDIR", "XDG_DATA_HOME"], str(tmp_path))
    nobody = f"unix:{tmp_path}/nobody.sock"
    async with asyncio.timeout(60):
        status, out, errors = await outcome(
            module_of(path), "--help", AGENT_MEMORY=nobody, **places
        )
    assert (status, errors) == (0, "")
    assert out.startswith(f"usage: python -m {module_of(path)} ")
    about = ast.get_docstring(ast.parse(path.read_text()))
    assert about is not None
    assert " ".join(about.split()) in " ".join(out.split())
    assert list(tmp_path.iterdir()) == []
