"""The extractor's command line: ``python -m extractor_service``."""

from __future__ import annotations

import asyncio
import os
import sys

# Before grpc is imported: its core writes lines of its own among the JSON.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from extractor_service.app import serve
from extractor_service.ending import end_without_threads_that_hang
from extractor_service.model import ModelError
from extractor_service.settings import ExtractorSettings
from service_kit.binding import BindError
from service_kit.command_line import parse_or_exit
from service_kit.logs import configure
from service_kit.tracing.starting import TracingError
from service_kit.watched_file import FileError


def main() -> None:
    """Serve until told to stop; one line on stderr and a code other than 0 if that cannot be."""
    settings = parse_or_exit(ExtractorSettings, sys.argv[1:])
    configure(settings.log_level, "extractor")
    try:
        asyncio.run(serve(settings))
    except (BindError, FileError, ModelError, TracingError) as error:
        sys.exit(f"extractor: {error}")
    except ImportError as error:
        sys.exit(f"extractor: {error.name} is not installed: install the extra 'extractor'")
    end_without_threads_that_hang()


if __name__ == "__main__":
    main()
