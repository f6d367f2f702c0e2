"""Node.js, where it is installed, and the example client's packages."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

NODE = Path(__file__).parents[2] / "examples/node"
PACKAGES = NODE / "node_modules"
needs_node = pytest.mark.skipif(
    not (shutil.which("node") and shutil.which("npm")), reason="node and npm are not installed"
)


async def run(
    *command: str, cwd: Path = NODE, path: Path = PACKAGES / ".bin", **environment: str
) -> str:
    """Run a command, which must succeed and complain of nothing; return what it prints.

    Commands in `path` are found before others; `environment` is added to that of the tests.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env=os.environ | {"PATH": f"{path}{os.pathsep}{os.environ['PATH']}"} | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate()
    assert (process.returncode, stderr.decode()) == (0, ""), stdout.decode()
    return stdout.decode()


async def install() -> None:
    """Install what package-lock.json says, once for all runs of the tests."""
    lock, installed = NODE / "package-lock.json", PACKAGES / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        await run("npm", "ci", "--loglevel=error")
