"""Describe an exception without its text, which may hold what a user wrote."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

_MAX_FRAMES = 40  # of each exception, the innermost: a RecursionError has a thousand


def exception_name(error: BaseException) -> str:
    """The full name of an exception's class, such as ``redis.exceptions.ConnectionError``."""
    return f"{type(error).__module__}.{type(error).__qualname__}"


def safe_traceback(error: BaseException) -> str:
    """Types, files, lines and function names of an exception and of what led to it."""
    return "\n".join(_lines(error, set()))


def _lines(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    yield exception_name(error)
    frames = [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    for code, line in frames[-_MAX_FRAMES:]:
        yield f"  {code.co_filename}:{line} in {code.co_qualname}"
    for relation, other in _related(error):
        if id(other) not in seen:
            yield f"{relation}:"
            yield from _lines(other, seen)


def _related(error: BaseException) -> Iterator[tuple[str, BaseException]]:
    if isinstance(error, BaseExceptionGroup):
        yield from (("which holds", part) for part in error.exceptions)
    if error.__cause__ is not None:
        yield "caused by", error.__cause__
    elif error.__context__ is not None and not error.__suppress_context__:
        yield "raised while handling", error.__context__
