"""JSON logs on stderr, one object a line, fields given as ``extra``. Never an exception's text."""

from __future__ import annotations

import asyncio
import logging
import sys
from types import TracebackType
from typing import Any, TypeAlias

from pythonjsonlogger.json import JsonFormatter

from service_kit.safe_traceback import safe_traceback

_ExcInfo: TypeAlias = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)

_log = logging.getLogger(__name__)


class _SafeJsonFormatter(JsonFormatter):
    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802
        return safe_traceback(ei[1]) if ei[1] is not None else ""


class _Handler(logging.StreamHandler[Any]):
    """Tells our handler from others when logging is configured again."""


def configure(level: str, service: str) -> None:
    """Send all logs of ``level`` and above to stderr as JSON; may be called again."""
    handler = _Handler(sys.stderr)
    handler.setFormatter(
        _SafeJsonFormatter(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger", "exc_info": "traceback"},
            static_fields={"service": service},
            timestamp=True,
        )
    )
    root = logging.getLogger()
    root.handlers = [kept for kept in root.handlers if not isinstance(kept, _Handler)] + [handler]
    root.setLevel(level.upper())
    # Each completion queue event of every call, at DEBUG.
    logging.getLogger("grpc").setLevel(max(root.level, logging.INFO))
    logging.captureWarnings(capture=True)


def log_loop_errors(loop: asyncio.AbstractEventLoop) -> None:
    """Log what nobody awaited without its text: asyncio's own line holds the exception's repr."""
    loop.set_exception_handler(_log_loop_error)


def _log_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    _log.error(
        "unhandled exception in the event loop",
        extra={"traceback": safe_traceback(error) if error else context.get("message", "")},
    )
