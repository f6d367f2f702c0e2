"""How a command that measures ends."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

from memory_service.domain.errors import StoreUnavailable
from memory_service.embedded import EmbeddedRedisError
from service_kit.children import ChildError

from .measure import BenchmarkError

T = TypeVar("T")


def finished(work: Coroutine[Any, Any, T]) -> T:
    """Return what was measured. Exits with 1, after one line on stderr, if that cannot be, and with
    130 if interrupted."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        sys.exit(130)
    except (ChildError, EmbeddedRedisError, StoreUnavailable, BenchmarkError) as error:
        print(f"cannot measure: {error}", file=sys.stderr)
        sys.exit(1)
