"""The spans of Redis: the name of the command, and how many went together."""

from __future__ import annotations

from contextlib import AbstractContextManager

from memory_service.store.traced import Trip
from service_kit.tracing.spans import Kind, Spans


def redis_trips(spans: Spans) -> Trip:
    """Return what makes the span of a round trip."""

    def trip(command: str, commands: int) -> AbstractContextManager[None]:
        operation = command.upper()
        if commands == 1:
            told: dict[str, str | int] = {"db.operation.name": operation}
            return spans.span(operation, Kind.CLIENT, {"db.system.name": "redis", **told})
        name = f"PIPELINE {operation}"
        told = {"db.operation.name": name, "db.operation.batch.size": commands}
        return spans.span(name, Kind.CLIENT, {"db.system.name": "redis", **told})

    return trip
