"""How long Redis takes to answer, how often it fails, and how many connections are in use."""

from __future__ import annotations

from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from redis.asyncio import ConnectionPool

from service_kit.stopwatch import Stopwatch

_SECONDS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)


class RedisMetrics:
    """The metrics of a client in one registry; without one they are kept for nobody."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Register them; a registry takes them once."""
        self.seconds = Histogram(
            "memory_redis_command_seconds",
            "Time that a command took, waiting for a connection included; a pipeline counts as its "
            "first command. XREADGROUP waits for work.",
            ("command", "pipelined"),
            buckets=_SECONDS,
            registry=registry,
        )
        self.errors = Counter(
            "memory_redis_errors_total",
            "Commands and pipelines that failed, by the kind of error.",
            ("error",),
            registry=registry,
        )
        self.connections = Gauge(
            "memory_redis_connections",
            "Connections to Redis by state: used, idle.",
            ("state",),
            registry=registry,
        )
        self.max_connections = Gauge(
            "memory_redis_connections_max", "Connections that there may be.", registry=registry
        )

    def watch(self, pool: ConnectionPool) -> None:
        """Show how much of a pool is in use, as it is whenever somebody looks."""
        self.max_connections.set(pool.max_connections)
        for place, state in enumerate(("idle", "used")):
            self.connections.labels(state).set_function(partial(_count, pool, place))

    def timed(self, command: str, *, pipelined: bool = False) -> Stopwatch:
        """Take the time of a command, and count it if it fails."""
        return Stopwatch(partial(self._tell, command, str(pipelined).lower()))

    def _tell(
        self, command: str, pipelined: str, seconds: float, error: BaseException | None
    ) -> None:
        self.seconds.labels(command, pipelined).observe(seconds)
        if isinstance(error, Exception):
            self.errors.labels(type(error).__name__).inc()


def _count(pool: ConnectionPool, place: int) -> float:
    return float(pool.get_connection_count()[place][0])
