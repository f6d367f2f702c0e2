"""A file that is read again when it has changed: keys, tokens and certificates are rotated."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from service_kit.safe_traceback import exception_name

_log = logging.getLogger(__name__)

_Value = TypeVar("_Value")
_Signature = tuple[int, int, int]


class FileError(Exception):
    """A file that is needed cannot be used; the text is one line, without what is in the file."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")


class WatchedFile(Generic[_Value]):
    """The value of a file, as `parse` gives it, looked at again when a second has passed.

    One that cannot be read or parsed any more is as it was: half-written files are nothing rare.
    That is logged, once for each state of the file. `parse` raises ValueError whose text may be
    shown.
    """

    def __init__(
        self,
        path: Path,
        parse: Callable[[bytes], _Value],
        *,
        every: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the file. Raises FileError."""
        self._path = path
        self._parse = parse
        self._every = every
        self._clock = clock
        self._looked = clock()
        self._seen = self._signature()
        try:
            self._value = parse(path.read_bytes())
        except (OSError, ValueError) as error:
            raise FileError(path, _why(error)) from None

    @property
    def value(self) -> _Value:
        """The value, as of a second ago at most."""
        now = self._clock()
        if now - self._looked >= self._every:
            self._looked = now
            self._look()
        return self._value

    def _look(self) -> None:
        signature = self._signature()
        if signature == self._seen:
            return
        self._seen = signature
        try:
            self._value = self._parse(self._path.read_bytes())
        except (OSError, ValueError) as error:
            extra = {"path": str(self._path), "exception": exception_name(error)}
            _log.error("a file cannot be read again: it is used as it was", extra=extra)
        else:
            _log.info("a file has changed", extra={"path": str(self._path)})

    def _signature(self) -> _Signature | None:
        try:
            state = self._path.stat()
        except OSError:
            return None
        return state.st_ino, state.st_mtime_ns, state.st_size


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return (error.strerror or "cannot be read").lower()
    return str(error)
