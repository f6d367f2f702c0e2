"""Child processes in which rounds are measured: none shares an interpreter with a server."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from .measure import BenchmarkError

Result = TypeVar("Result")


class Processes:
    """Child processes by name, each started when it is first needed and kept."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._pools: dict[str, ProcessPoolExecutor] = {}

    async def run(self, name: str, work: Callable[[], Result]) -> Result:
        """Return what `work` returns in the process of that name. Raises what it raises."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pool(name), work)
        except BrokenProcessPool:
            raise BenchmarkError(f"the process that measures {name} has ended") from None

    def _pool(self, name: str) -> ProcessPoolExecutor:
        if name not in self._pools:
            # Not forked: gRPC and torch do not survive a fork.
            pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _initialise)
            self._pools[name] = self._stack.enter_context(pool)
        return self._pools[name]


@contextmanager
def child_processes() -> Iterator[Processes]:
    """Give processes that end with the block, or with this process."""
    with ExitStack() as stack:
        yield Processes(stack)


def _initialise() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
