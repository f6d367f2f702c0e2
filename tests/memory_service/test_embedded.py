from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from redis.asyncio import Redis

from memory_service import embedded
from memory_service.domain.search import Selection
from memory_service.embedded import EmbeddedRedis, EmbeddedRedisError, default_data_dir
from memory_service.store import schema
from memory_service.store.connection import connect
from memory_service.store.search import MemorySearch
from tests.support.memories import ALICE, make, put
from tests.support.redis import DIMENSION

GONE_SECONDS = 30


async def test_a_restart_finds_the_data_and_the_index_again(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as server, connect(server.url) as redis:
        await schema.ensure(redis, dimension=DIMENSION)
        await put(redis, make("m1"), make("m2"))
    async with EmbeddedRedis(tmp_path) as server, connect(server.url) as redis:
        await schema.ensure(redis, dimension=DIMENSION)
        assert await MemorySearch(redis).count(Selection((ALICE,))) == 2


async def test_a_restart_after_the_file_was_rewritten_finds_the_data(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as server, connect(server.url) as redis:
        await schema.ensure(redis, dimension=DIMENSION)
        await put(redis, make("m1"))
        await redis.bgrewriteaof()
        await put(redis, make("m2"))
    async with EmbeddedRedis(tmp_path) as server, connect(server.url) as redis:
        await schema.ensure(redis, dimension=DIMENSION)
        assert await MemorySearch(redis).count(Selection((ALICE,))) == 2


async def test_what_was_acknowledged_survives_a_killed_server(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as server, connect(server.url) as redis:
        await redis.set("key", "value")
        assert server.pid is not None
        psutil.Process(server.pid).kill()
    async with EmbeddedRedis(tmp_path) as server, connect(server.url) as redis:
        assert await redis.get("key") == b"value"


async def test_it_listens_on_a_socket_of_this_user_and_on_no_port(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as server, connect(server.url) as redis:
        assert await _config(redis, "port") == "0"
        assert _mode(server.url.removeprefix("unix://")) == 0o700


async def test_it_never_evicts_and_syncs_as_told(tmp_path: Path) -> None:
    async with (
        EmbeddedRedis(tmp_path, appendfsync="always") as server,
        connect(server.url) as redis,
    ):
        assert await _config(redis, "maxmemory-policy") == "noeviction"
        assert await _config(redis, "appendfsync") == "always"
        assert await _config(redis, "appendonly") == "yes"


async def test_stopping_leaves_no_process_and_stops_once(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    await server.start()
    pid = server.pid
    assert pid is not None
    await server.stop()
    assert not psutil.pid_exists(pid)
    await server.stop()


def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from memory_service.embedded import EmbeddedRedis\n"
        "async def main():\n"
        "    async with EmbeddedRedis(Path(sys.argv[1])) as server:\n"
        "        print(server.pid, flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        server = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
    gone, _ = psutil.wait_procs([server], timeout=GONE_SECONDS)
    assert gone == [server]
    assert "bye bye" in (tmp_path / "redis.log").read_text()


async def test_data_of_a_parent_that_was_killed_is_waited_for(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    await server.start()
    async with connect(server.url) as redis:
        await redis.set("key", "value")
    assert server.pid is not None
    psutil.Process(server.pid).terminate()
    async with EmbeddedRedis(tmp_path) as second, connect(second.url) as redis:
        assert await redis.get("key") == b"value"
    await server.stop()


async def test_a_data_directory_in_use_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "LOCK_SECONDS", 0.05)
    async with EmbeddedRedis(tmp_path) as server, connect(server.url) as redis:
        with pytest.raises(EmbeddedRedisError, match=r"^\S+ is in use by another server$"):
            await EmbeddedRedis(tmp_path).start()
        assert await redis.ping()


async def test_a_long_path_gets_its_socket_in_a_private_place(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    async with EmbeddedRedis(deep) as server, connect(server.url) as redis:
        assert await redis.ping()
        place = Path(server.url.removeprefix("unix://")).parent
        assert _mode(place) == 0o700
        assert not place.is_relative_to(tmp_path)
    assert not place.exists()


async def test_a_path_may_have_any_characters(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path / "a 'b' \"ü\" #%?") as server, connect(server.url) as redis:
        assert await redis.ping()


async def test_a_server_that_does_not_start_says_why_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "appendonlydir").mkdir()
    (tmp_path / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")
    server = EmbeddedRedis(tmp_path)
    with pytest.raises(
        EmbeddedRedisError, match=r"^the embedded Redis does not start: .+redis\.log\)$"
    ):
        await server.start()
    assert server.pid is None


async def test_a_directory_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedRedisError, match="cannot write to"):
        await EmbeddedRedis(tmp_path / "file" / "data").start()


async def test_without_the_packages_one_line_says_what_to_do_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_packaged", lambda package, path: None)
    with pytest.raises(EmbeddedRedisError) as raised:
        await EmbeddedRedis(tmp_path).start()
    assert "redis:8" in str(raised.value)
    assert "REDIS_URL=redis://localhost:6379" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_package_that_is_not_there_has_no_files() -> None:
    assert embedded._packaged("no_such_package", "file") is None


def test_users_data_goes_where_the_platform_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert default_data_dir() == Path("/data/agent-memory")
    monkeypatch.setenv("XDG_DATA_HOME", "relative, so not valid")
    monkeypatch.setenv("HOME", "/home/someone")
    assert default_data_dir() == Path("/home/someone/.local/share/agent-memory")


def _mode(path: str | Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


async def _config(redis: Redis, name: str) -> str:
    found = await redis.config_get(name)
    ((_, value),) = found.items()
    return value.decode() if isinstance(value, bytes) else str(value)
