from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ClusterDownError, MasterDownError, ResponseError, TryAgainError
from redis.exceptions import ConnectionError as RedisConnectionError

from memory_service.domain.errors import StoreUnavailable
from memory_service.embedded import EmbeddedRedis
from memory_service.store.connection import (
    check_engine,
    check_version,
    command,
    connect,
    store_errors,
)
from tests.support.waiting import wait_until


class WithoutSearch(EmbeddedRedis):
    def _options(self, module: Path) -> list[str]:
        options = super()._options(module)
        return options[: options.index("--loadmodule")]


async def test_the_embedded_engine_will_do(redis_url: str) -> None:
    async with connect(redis_url) as redis:
        await check_engine(redis)


@pytest.mark.parametrize(
    "url", ["unix:///nowhere/redis.sock", "redis://someone:hunter2@127.0.0.1:1"]
)
async def test_an_unreachable_redis_is_one_line_without_the_password(url: str) -> None:
    async with connect(url) as redis:
        with pytest.raises(StoreUnavailable, match=r"^Redis at \S+ cannot be reached$") as raised:
            await check_engine(redis)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("credentials", ["", ":hunter2@", "someone:hunter2@"])
async def test_a_wrong_password_is_one_line_without_it(tmp_path: Path, credentials: str) -> None:
    async with EmbeddedRedis(tmp_path) as server:
        async with connect(server.url) as admin:
            await admin.config_set("requirepass", "the right one")
        url = server.url.replace("unix://", f"unix://{credentials}")
        async with connect(url) as redis:
            with pytest.raises(
                StoreUnavailable, match="refused the user name or password"
            ) as raised:
                await check_engine(redis)
    assert "hunter2" not in str(raised.value)


async def test_a_redis_without_the_query_engine_is_refused(tmp_path: Path) -> None:
    async with WithoutSearch(tmp_path) as server, connect(server.url) as redis:
        with pytest.raises(StoreUnavailable, match="has no Query Engine: use Redis 8"):
            await check_engine(redis)


@pytest.mark.parametrize("version", ["6.2.14", "7.0.15", "7.2.4"])
def test_an_old_redis_is_refused(version: str) -> None:
    with pytest.raises(StoreUnavailable, match=f"^Redis {version} is too old: use Redis 8"):
        check_version(version)


@pytest.mark.parametrize("version", ["7.4.0", "8.0.0", "8.10.1", "10.0.0-rc1"])
def test_a_newer_redis_will_do(version: str) -> None:
    check_version(version)


def test_a_url_of_another_kind_is_refused_without_being_quoted() -> None:
    with pytest.raises(StoreUnavailable, match="must be redis://") as raised:
        connect("http://someone:hunter2@example.org")
    assert "hunter2" not in str(raised.value)


async def test_a_script_whose_answer_is_lost_is_not_run_again(
    redis_url: str, tmp_path: Path
) -> None:
    async with connect(redis_url) as redis:
        await redis.delete("count")
        async with _losing_answers(redis_url, tmp_path) as url, connect(url) as lossy:
            with pytest.raises(StoreUnavailable, match="cannot be reached"), store_errors():
                await lossy.eval("return redis.call('INCR', KEYS[1])", 1, "count")
        assert await redis.getdel("count") == b"1"


async def test_connections_that_broke_while_idle_are_replaced(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    await server.start()
    async with connect(server.url) as redis:
        await asyncio.gather(*(redis.ping() for _ in range(5)))
        await server.stop()
        with pytest.raises(StoreUnavailable), store_errors():
            await redis.ping()
        await server.start()
        assert all(await asyncio.gather(*(redis.ping() for _ in range(5))))
    await server.stop()


async def test_no_more_connections_are_opened_than_allowed(redis_url: str) -> None:
    async with connect(redis_url, max_connections=2) as redis:
        await redis.client_setname("counted")
        await asyncio.gather(*(redis.ping() for _ in range(50)))
        pool = redis.connection_pool
        assert len(pool._available_connections) <= 2


async def test_an_error_of_our_own_making_is_not_blamed_on_the_store(redis_url: str) -> None:
    async with connect(redis_url) as redis:
        with pytest.raises(ResponseError), store_errors():
            await command(redis, "FT.SEARCH")


async def test_a_lost_index_is_the_stores_trouble(bare_redis: Redis) -> None:
    with pytest.raises(StoreUnavailable, match="has lost the search index"), store_errors():
        await command(bare_redis, "FT.SEARCH", "am:index", "*")


def test_a_refused_write_is_the_stores_trouble() -> None:
    with pytest.raises(StoreUnavailable, match="refuses to write"), store_errors():
        raise ResponseError("MISCONF Redis is configured to save")


async def test_a_failover_under_a_blocking_read_is_the_stores_trouble(
    bare_redis: Redis, redis_url: str
) -> None:
    """The master becomes a replica while the pump waits for notices."""

    async def read() -> None:
        async with connect(redis_url) as redis:
            with store_errors():
                await redis.xreadgroup("g", "c", {"am:deltas:{0}": ">"}, block=20_000)

    await bare_redis.xgroup_create("am:deltas:{0}", "g", mkstream=True)
    reading = asyncio.create_task(read())

    async def blocked() -> bool:
        return int((await bare_redis.info("clients"))["blocked_clients"]) == 1

    await wait_until(blocked, "the read waits")
    await bare_redis.replicaof("127.0.0.1", "1")
    try:
        with pytest.raises(StoreUnavailable, match="failing over"):
            await reading
    finally:
        await bare_redis.replicaof("NO", "ONE")


@pytest.mark.parametrize("error", [MasterDownError, TryAgainError, ClusterDownError])
def test_a_database_between_two_masters_is_the_stores_trouble(error: type[Exception]) -> None:
    with pytest.raises(StoreUnavailable, match="failing over"), store_errors():
        raise error("")


def test_the_cause_is_kept_for_the_logs() -> None:
    with pytest.raises(StoreUnavailable) as raised, store_errors("there"):
        raise RedisConnectionError("secret detail")
    assert str(raised.value) == "Redis at there cannot be reached"
    assert isinstance(raised.value.__cause__, RedisConnectionError)


@asynccontextmanager
async def _losing_answers(url: str, tmp_path: Path) -> AsyncIterator[str]:
    """A way to Redis that passes everything on but the answer to EVAL, and closes instead."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        source, sink = await asyncio.open_unix_connection(url.removeprefix("unix://"))
        while data := await reader.read(65536):
            sink.write(data)
            answer = await source.read(65536)
            if b"EVAL" in data:
                break
            writer.write(answer)
        for end in (writer, sink):
            end.close()

    path = tmp_path / "lossy.sock"
    async with await asyncio.start_unix_server(serve, path):
        yield f"unix://{path}"
