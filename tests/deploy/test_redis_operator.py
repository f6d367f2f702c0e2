"""Who looks after Redis: can do all that the pages say, and reads and changes no memory."""

from __future__ import annotations

import re
import shlex
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from memory_service.embedded import EmbeddedRedis
from memory_service.store import keys, schema
from memory_service.store.connection import command, connect
from tests.deploy.conftest import OPERATOR_PASSWORD, users
from tests.support.redis import DIMENSION

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]

OWNER = "{1}:acme::u:alice"
FILLED_IN = {"<key>": f"am:own:{OWNER}", "<stream>": "am:dead:{1}"}
"""What the pages leave to the reader."""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedRedis]:
    """A Redis of one memory, with the users of the manifests."""
    async with EmbeddedRedis(tmp_path) as embedded, aclosing(connect(embedded.url)) as admin:
        for user in users():
            await command(admin, "ACL", "SETUSER", *user)
        await schema.ensure(admin, dimension=DIMENSION)
        await admin.hset(f"am:mem:{OWNER}:m1", "text", "Alice is allergic to nuts.")
        await admin.xadd(f"am:log:{OWNER}:chat", {"content": "I am allergic to nuts."})
        await admin.set(keys.PAGE_SECRET, "secret")
        yield embedded


@pytest.fixture
async def admin(server: EmbeddedRedis) -> AsyncIterator[Redis]:
    async with aclosing(connect(server.url)) as client:
        yield client


@pytest.fixture
async def operator(server: EmbeddedRedis) -> AsyncIterator[Redis]:
    url = server.url.replace("unix://", f"unix://operator:{OPERATOR_PASSWORD}@")
    async with aclosing(connect(url)) as client:
        yield client


async def test_the_operator_can_do_all_that_the_pages_say(admin: Redis, operator: Redis) -> None:
    documented = await said_by_pages(admin)
    assert {words[0] for words in documented} >= {"CONFIG", "BGREWRITEAOF", "SLOWLOG", "HMGET"}
    for words in documented:
        # Raises, if it is refused.
        await command(operator, *words)


async def test_the_operator_has_no_right_that_no_page_needs(admin: Redis, operator: Redis) -> None:
    await admin.config_resetstat()
    for words in await said_by_pages(admin):
        await command(operator, *words)
    stats = await admin.info("commandstats")
    used = {name.removeprefix("cmdstat_").lower() for name in stats}
    (rights,) = [user for user in users() if user[0] == "operator"]
    assert {word.strip("+)") for word in rights if word[0] == "+"} - used == set()


@pytest.mark.parametrize(
    "forbidden",
    [
        ["HGETALL", f"am:mem:{OWNER}:m1"],
        ["HMGET", f"am:mem:{OWNER}:m1", "text"],
        ["XRANGE", f"am:log:{OWNER}:chat", "-", "+"],
        ["GET", keys.PAGE_SECRET],
        ["FT.SEARCH", keys.INDEX_ALIAS, "*"],
        ["MONITOR"],
        ["CONFIG", "GET", "*"],
        ["HSET", f"am:mem:{OWNER}:m1", "text", "Alice eats nuts."],
        ["XADD", "am:dead:{1}", "*", "session", "chat"],
        ["DEL", f"am:mem:{OWNER}:m1"],
        ["FT.DROPINDEX", keys.INDEX_ALIAS, "DD"],
        ["FLUSHALL"],
        ["ACL", "SETUSER", "operator", "allcommands"],
        ["SHUTDOWN"],
    ],
    ids=" ".join,
)
async def test_the_operator_reads_and_changes_no_memory(
    operator: Redis, forbidden: list[str]
) -> None:
    with pytest.raises(NoPermissionError):
        await command(operator, *forbidden)


async def said_by_pages(redis: Redis) -> list[list[str]]:
    """Every command that a page tells its reader to give to Redis, in the order of the pages."""
    listed: Any = await redis.command_list()
    names = {name.decode().upper() for name in listed}
    found = []
    for page in PAGES:
        for line in code(page.read_text()):
            cli, rest = line.partition("redis-cli ")[1:]
            words = sent(rest) if cli else line.split()
            # One word alone is what a command is called, and not an order to give it.
            if cli or (len(words) > 1 and words[0] in names):
                found.append([FILLED_IN.get(word, word) for word in words])
    return found


def code(text: str) -> Iterator[str]:
    """The lines of blocks of code, and what is code within lines."""
    for part in re.split(r"^( *```.*?^ *```)$", text, flags=re.DOTALL | re.MULTILINE):
        if part.lstrip().startswith("```"):
            yield from (line for line in part.splitlines() if "redis-cli " in line)
        else:
            yield from re.findall(r"`([^`\n]+)`", part)


def sent(line: str) -> list[str]:
    """What redis-cli sends for what a page has after its name."""
    words: Any = shlex.split(line.partition("|")[0], comments=True)
    match words:
        case ["--user", "operator"] | ["--user", "operator", "--latency"]:
            return ["PING"]
        case ["--user", "operator", "--scan", "--pattern", pattern]:
            return ["SCAN", "0", "MATCH", pattern]
        case ["--user", "operator", str() as name, *arguments]:
            return [name, *arguments]
    raise AssertionError(f"nobody is let in who says no user: redis-cli {line}")
