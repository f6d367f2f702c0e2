"""What the service says of itself to health checks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from service_kit.health import LIVENESS, OVERALL, Check, Health

Probe = Callable[[], Awaitable[bool]]


def store_health(service: str, *, answers: Probe, takes_writes: Probe, searches: Probe) -> Health:
    """Serving means that Redis answers: while it only refuses to write, reads go on.

    What it refuses shows in services of their own, `….writes` and `….search`.
    """
    redis = Check("redis", answers)
    return Health(
        {
            LIVENESS: [],
            OVERALL: [redis],
            service: [redis],
            f"{service}.writes": [redis, Check("writes", takes_writes)],
            f"{service}.search": [redis, Check("index", searches)],
        }
    )
