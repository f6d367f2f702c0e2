"""MemoryService's command line: ``python -m memory_service``."""

from __future__ import annotations

import asyncio
import os
import sys

# Before grpc is imported: its core writes lines of its own among the JSON.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from memory_service.app import serve
from memory_service.domain.errors import StoreUnavailable
from memory_service.embedded import EmbeddedRedisError
from memory_service.settings import MemorySettings
from memory_service.store.spaces import ModelMismatch
from service_kit.binding import BindError
from service_kit.command_line import parse_or_exit
from service_kit.logs import configure
from service_kit.tracing.starting import TracingError
from service_kit.watched_file import FileError


def main() -> None:
    """Serve until told to stop; one line on stderr and a code other than 0 if that cannot be."""
    settings = parse_or_exit(MemorySettings, sys.argv[1:])
    configure(settings.log_level, "memory")
    try:
        asyncio.run(serve(settings))
    except* (
        *(BindError, EmbeddedRedisError, FileError),
        *(ModelMismatch, StoreUnavailable, TracingError),
    ) as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        sys.exit(f"memory: {error}")


if __name__ == "__main__":
    main()
