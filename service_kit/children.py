"""A server as a child process of one machine's stack: started, waited for, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from service_kit.lifeline import tied_to_this_process

_POLL_SECONDS = 0.1
_LOG_TAIL = 2000


class ChildError(Exception):
    """The process ended, or did not serve in time; the message has the end of its log."""


class ServerProcess:
    """`python -m module`, configured by `environment`, logging to `log`."""

    def __init__(
        self, module: str, *, address: str, environment: Mapping[str, str], log: Path
    ) -> None:
        self.module = module
        self.address = address
        self._environment = dict(environment)
        self.log = log
        self._process: asyncio.subprocess.Process | None = None
        self._log_start = 0

    @property
    def pid(self) -> int:
        """The process id; RuntimeError if it has not been started."""
        if self._process is None:
            raise RuntimeError("not started")
        return self._process.pid

    async def start(self) -> None:
        """Start the process; it ends with this one, however this one ends.

        Raises ChildError if somebody else serves at the address: health would be theirs.
        """
        if await is_serving(self.address):
            raise ChildError(f"something else serves at {self.address} already")
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = await asyncio.create_subprocess_exec(
                *tied_to_this_process([sys.executable, "-m", self.module]),
                env=os.environ | self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def serving(self, *, seconds: float = 60.0) -> None:
        """Wait until the process says that it serves. Raises ChildError."""
        try:
            async with asyncio.timeout(seconds):
                while not await is_serving(self.address):
                    if self.has_ended:
                        raise ChildError(f"{self.module} has ended:\n{self.log_tail()}")
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise ChildError(f"{self.module} does not serve:\n{self.log_tail()}") from None

    @property
    def has_ended(self) -> bool:
        """Whether the process was started and is there no more."""
        return self._process is not None and self._process.returncode is not None

    async def ended(self) -> None:
        """Wait until the process ends, for whatever reason."""
        if self._process is not None:
            await self._process.wait()

    def log_tail(self) -> str:
        """Return the end of what the process has logged since it was started."""
        logged = self.log.read_bytes()[self._log_start :]
        return logged[-_LOG_TAIL:].decode(errors="replace").strip()

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if the process is still there."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    async def stop(self, *, seconds: float = 30.0) -> None:
        """Ask the process to end; kill it if it does not."""
        if self._process is None or self._process.returncode is not None:
            return
        self.send(signal.SIGTERM)
        try:
            async with asyncio.timeout(seconds):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End the process without asking."""
        self.send(signal.SIGKILL)
        if self._process is not None:
            await self._process.wait()


async def is_serving(address: str) -> bool:
    """Whether the server at `address` says of itself, as a whole, that it serves."""
    async with grpc.aio.insecure_channel(address) as channel:
        try:
            answer = await health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=2
            )
        except grpc.aio.AioRpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
