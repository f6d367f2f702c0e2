"""The append-only file of an embedded Redis: how long it is, and copies of its beginning."""

from __future__ import annotations

import shutil
from pathlib import Path

_FOLDER = "appendonlydir"


def size(data_dir: Path) -> int:
    """Return how many bytes of writes there are in the file that grows."""
    return _growing(data_dir).stat().st_size


def copy(data_dir: Path, to: Path, *, size: int | None = None) -> None:
    """Copy a data directory's file, or only its first bytes: what a crash may leave of it."""
    to.mkdir()
    shutil.copytree(data_dir / _FOLDER, to / _FOLDER)
    if size is not None:
        with _growing(to).open("r+b") as file:
            file.truncate(size)


def _growing(data_dir: Path) -> Path:
    *_, last = sorted((data_dir / _FOLDER).glob("*.incr.aof"))
    return last
