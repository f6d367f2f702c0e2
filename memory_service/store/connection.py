"""The connection to Redis, and its errors in the domain's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    MasterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,
    TryAgainError,
)
from redis.maint_notifications import MaintNotificationsConfig

from memory_service.domain.errors import StoreUnavailable
from memory_service.store.measured import measured
from memory_service.store.redis_metrics import RedisMetrics
from memory_service.store.traced import Trip, traced

SOCKET_TIMEOUT = 30.0
"""Seconds without an answer after which a connection is given up; a blocking read waits less."""

CONNECT_TIMEOUT = 5.0
POOL_TIMEOUT = 5.0
HEALTH_CHECK_SECONDS = 30

OLDEST = (7, 4)
"""Redis Stack 7.4 is the first with the Query Engine 2.10; Redis 8 has it built in."""

_USE = "use Redis 8 or Redis Stack 7.4"


def connect(
    url: str,
    *,
    max_connections: int = 64,
    metrics: RedisMetrics | None = None,
    trip: Trip | None = None,
) -> Redis:
    """Return a client of bytes and RESP3. Connects when first used. Raises StoreUnavailable.

    `trip` goes around every round trip of a client that has metrics.

    Nothing is retried: a script whose answer was lost may have run, and only its caller knows
    whether it may run again. A connection that broke while idle is replaced before it is used.
    """
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            protocol=3,
            decode_responses=False,
            max_connections=max_connections,
            timeout=POOL_TIMEOUT,
            socket_timeout=SOCKET_TIMEOUT,
            socket_connect_timeout=CONNECT_TIMEOUT,
            health_check_interval=HEALTH_CHECK_SECONDS,
            retry=Retry(NoBackoff(), 0),
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
    except ValueError:
        # The cause may quote the URL, and the URL the password.
        raise StoreUnavailable("REDIS_URL must be redis://, rediss:// or unix://") from None
    if metrics is None:
        return Redis.from_pool(pool)
    metrics.watch(pool)
    return measured(pool, metrics) if trip is None else traced(pool, metrics, trip)


async def check_engine(redis: Redis) -> None:
    """Raise StoreUnavailable, with one clear line, unless Redis answers and can search."""
    where = _place(redis)
    with store_errors(where):
        try:
            await redis.ping()
        except ResponseError as error:
            if "unknown command" in str(error).lower():  # HELLO came with Redis 6.
                raise StoreUnavailable(f"Redis at {where} is too old: {_USE}") from None
            raise
        check_version((await redis.info("server"))["redis_version"])
        if not await _searches(redis):
            raise StoreUnavailable(f"Redis at {where} has no Query Engine: {_USE}")


async def _searches(redis: Redis) -> bool:
    try:
        await command(redis, "FT._LIST")
    except ResponseError as error:
        if "unknown command" in str(error).lower():
            return False
        raise
    return True


def check_version(version: str) -> None:
    """Raise StoreUnavailable if Redis is older than OLDEST."""
    found = tuple(int(part) for part in version.split(".")[:2])
    if found < OLDEST:
        raise StoreUnavailable(f"Redis {version} is too old: {_USE}")


async def command(redis: Redis, *arguments: str | bytes) -> Any:
    """Run a command that the client has no method for, and return the engine's own answer."""
    return await redis.execute_command(*arguments)  # type: ignore[no-untyped-call]


@contextmanager
def store_errors(where: str = "") -> Iterator[None]:
    """Turn Redis being away or refusing into StoreUnavailable; other errors are ours and pass."""
    try:
        yield
    except (RedisError, OSError) as error:
        if trouble := _trouble(error):
            place = f" at {where}" if where else ""
            raise StoreUnavailable(f"Redis{place} {trouble}") from error
        raise


_TROUBLES: list[tuple[tuple[type[Exception], ...], str]] = [
    ((AuthenticationError, AuthorizationError), "refused the user name or password"),
    ((NoPermissionError,), "does not let this user run a command that is needed"),
    ((BusyLoadingError,), "is still loading its data"),
    ((ReadOnlyError,), "is a replica and takes no writes"),
    ((OutOfMemoryError,), "is out of memory"),
    ((TimeoutError,), "does not answer in time"),
    ((MasterDownError, TryAgainError, ClusterDownError), "is failing over"),
    ((ConnectionError, OSError), "cannot be reached"),
]
"""What errors say, the narrower before the wider."""

_REFUSALS: list[tuple[tuple[str, ...], str]] = [
    (("noauth", "wrongpass"), "refused the user name or password"),
    (("misconf", "noreplicas", "oom"), "refuses to write"),
    (("unblocked",), "is failing over"),
    # What is said of the transaction's beginning is not shown; it is never refused but for this.
    (("exec without multi",), "does not let this user run a command that is needed"),
    (
        ("no such index", "unknown index name", "index not found"),
        "has lost the search index; it is being made again",
    ),
]
"""What an error without a type of its own says."""


def _trouble(error: BaseException) -> str | None:
    # The cause says more of a refused handshake, which ends as a ConnectionError, but nothing of a
    # command that is refused in a transaction: there it is that the transaction was given up.
    cause = error.__cause__
    if isinstance(cause, RedisError) and (trouble := _trouble(cause)):
        return trouble
    for types, trouble in _TROUBLES:
        if isinstance(error, types):
            return trouble
    for words, trouble in _REFUSALS:
        if any(word in str(error).lower() for word in words):
            return trouble
    return None


def _place(redis: Redis) -> str:
    """Return where Redis is, without the user's name and password."""
    known = redis.connection_pool.connection_kwargs
    if path := known.get("path"):
        return str(path)
    return f"{known.get('host', 'localhost')}:{known.get('port', 6379)}"
