"""The stack on one machine: no part of it is taken for another, and none dies unnoticed."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from examples.stack import in_directory, running, until_stopped
from service_kit.children import ChildError, ServerProcess
from tests.support.stack import Services, memory_in, serving


async def test_a_process_is_not_started_where_another_serves(
    services: Services, directory: Path
) -> None:
    second = ServerProcess(
        "memory_service",
        address=services.memory.address,
        environment={},
        log=directory / "second.log",
    )
    with pytest.raises(ChildError, match="something else serves at"):
        await second.start()
    assert not (directory / "second.log").exists()


async def test_a_log_tells_of_the_last_start_only(services: Services, directory: Path) -> None:
    (directory / "memory.log").write_text("of an earlier run\n")
    memory = memory_in(
        directory, redis_url=services.redis_url, extractor=services.extractor.address
    )
    async with serving(memory):
        assert "serving" in memory.log_tail()
        assert "of an earlier run" not in memory.log_tail()


async def test_a_part_that_dies_ends_the_stack_with_a_line(directory: Path) -> None:
    options = in_directory(directory)
    async with running(options) as stack:
        waiting = asyncio.create_task(until_stopped(stack))
        stack.memory.send(signal.SIGKILL)
        with pytest.raises(ChildError, match="memory_service has ended"):
            await waiting
