"""An installed server as whoever runs it sees it: a program that starts, serves, and is ended."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from tests.support.client import health
from tests.support.waiting import wait_until


@asynccontextmanager
async def started(
    command: Sequence[str], environment: Mapping[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The program with nothing but this environment and a path; its log is its stderr."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment},
        cwd="/",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def until_it_serves(address: str, process: asyncio.subprocess.Process) -> None:
    async def serves() -> bool:
        assert process.returncode is None, (await process.communicate())[0].decode()
        try:
            return await health(address) == "SERVING"
        except Exception:
            return False

    await wait_until(serves, f"{address} serves", seconds=90)


async def ended_well(process: asyncio.subprocess.Process) -> str:
    """End the process as Kubernetes does, and return what it logged."""
    process.terminate()
    log, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, log.decode()
    return log.decode()


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
