"""A line between two processes that a test can cut, slow down and hold."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Self

_CHUNK = 64 * 1024


class Proxy:
    """Passes bytes between whoever connects to the socket `path` and the server at `target`."""

    def __init__(self, path: Path, target: Path) -> None:
        self.path = path
        self.delay_seconds = 0.0
        self._target = target
        self._open = asyncio.Event()
        self._open.set()
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """Where to connect, for gRPC."""
        return f"unix:{self.path}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._accept, self.path)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        await self._end_all()

    def cut(self) -> int:
        """End all connections at once, with what is under way; return how many there were."""
        for line in self._lines:
            line.cancel()
        return len(self._lines)

    def hold(self) -> None:
        """Pass no answers on any more, without ending anything; what is asked still arrives."""
        self._open.clear()

    def release(self) -> None:
        """Pass answers on again."""
        self._open.set()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = asyncio.ensure_future(self._connect(reader, writer))
        self._lines.add(line)
        line.add_done_callback(self._lines.discard)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        try:
            there, back = await asyncio.open_unix_connection(self._target)
            ends.append(back)
            # The first end to close ends both ways.
            ways = [asyncio.ensure_future(self._pass(reader, back, held=False))]
            ways.append(asyncio.ensure_future(self._pass(there, writer, held=True)))
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except OSError:
            pass  # Nobody is at the target: the caller sees the connection end.
        finally:
            for end in ends:
                end.transport.abort()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, held: bool
    ) -> None:
        while data := await reader.read(_CHUNK):
            if self.delay_seconds:
                await asyncio.sleep(self.delay_seconds)
            if held:
                await self._open.wait()
            writer.write(data)
            await writer.drain()

    async def _end_all(self) -> None:
        lines = list(self._lines)
        self.cut()
        await asyncio.gather(*lines, return_exceptions=True)
