"""The index over memories, with the vectors of one space.

The index has a name that says how it is made, so that another make can be built beside it. Each
process searches the one that it was started with; the alias leads to the one that processes start
with now. An index holds nothing of its own: dropped, it is built again from the hashes.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any, Literal, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from memory_service.store import spaces
from memory_service.store.connection import command, store_errors
from memory_service.store.keys import INDEX_ALIAS, MEMORY_PREFIX, SCHEMA
from memory_service.store.spaces import Model, Space
from memory_service.store.tags import SEPARATOR

logger = logging.getLogger(__name__)

VERSION = 3
"""Part of the index's name; another one makes a new index from the same hashes."""

POLL_SECONDS = 0.05
FRESH_SECONDS = 0.25
"""How long an index that was whole is taken to be so by those who search it."""

REPORT_EVERY = 200
"""Polls between two reports of progress."""

Algorithm = Literal["FLAT", "HNSW"]

_HNSW = ("M", "16", "EF_CONSTRUCTION", "200", "EF_RUNTIME", "100")
"""With EF_RUNTIME 10, the default, recall@10 was 0.888 in an unfiltered search of 50,000."""


async def ensure(
    redis: Redis, *, dimension: int, algorithm: Algorithm = "FLAT", model: Model | None = None
) -> Space:
    """Make the index if it is not there, wait until it has every memory, return what it is of.

    Several may do so at once. The first fixes the dimension, that of `model` if it is known: a
    memory with a vector of another length would silently stay out of the index. Indexes that are
    made otherwise stay, because other processes may search them. Raises ModelMismatch if `model` is
    not that of the memories' vectors, StoreUnavailable.
    """
    with store_errors():
        begun = await redis.exists(SCHEMA)
    space = await spaces.current(redis, dimension=dimension, model=model)
    if begun and not await exists(redis, index_name(space.dimension, algorithm, space.tag)):
        await _until_missed()
    space = await build(redis, space, algorithm)
    with store_errors():
        await command(redis, "FT.ALIASUPDATE", INDEX_ALIAS, space.index)
    return space


async def build(redis: Redis, space: Space, algorithm: Algorithm) -> Space:
    """Make the index of `space` if it is not there, and wait until it has every memory."""
    name = index_name(space.dimension, algorithm, space.tag)
    with store_errors():
        await _create(redis, name, space, algorithm)
        await _until_indexed(redis, name)
    return replace(space, index=name)


async def mend(redis: Redis, space: Space, algorithm: Algorithm) -> bool:
    """Make the index of `space` again if it is gone, and say whether it was.

    One that was dropped on purpose, with its space, stays away. Raises StoreUnavailable.
    """
    if await exists(redis, space.index) or not await spaces.in_use(redis, space):
        return False
    logger.warning("the search index is gone: it is made again")
    await _until_missed()
    await build(redis, space, algorithm)
    if await spaces.current_tag(redis) == space.tag:
        with store_errors():
            await command(redis, "FT.ALIASUPDATE", INDEX_ALIAS, space.index)
    return True


async def _until_missed() -> None:
    """Wait until nobody takes a lost index to be whole: as it is built, it has a part of it all.

    Twice as long as is needed, for those who have looked and not yet asked.
    """
    await asyncio.sleep(2 * FRESH_SECONDS)


async def exists(redis: Redis, index: str) -> bool:
    """Tell whether there is an index of this name."""
    with store_errors():
        return index.encode() in await command(redis, "FT._LIST")


async def indexing(redis: Redis, index: str = INDEX_ALIAS) -> bool:
    """Tell whether the index is being built, so that some memories are not found yet."""
    return not _built(await info(redis, index))


async def indexing_failures(redis: Redis) -> int:
    """Return how many memories the index has refused; any at all is a defect."""
    return int((await info(redis, INDEX_ALIAS))[b"hash_indexing_failures"])


def index_name(dimension: int, algorithm: Algorithm, tag: str = "") -> str:
    """Return the name of the index that is made so, for the space of this tag."""
    return spaces.tagged(f"{INDEX_ALIAS}:{VERSION}:{algorithm.lower()}:{dimension}", tag)


async def _create(redis: Redis, name: str, space: Space, algorithm: Algorithm) -> None:
    try:
        await command(redis, *creation(name, space, algorithm))
    except ResponseError as error:
        if "already exists" not in str(error):
            raise


def creation(name: str, space: Space, algorithm: Algorithm) -> list[str]:
    """Return the command that makes the index of that name."""
    head = ["FT.CREATE", name, "ON", "HASH", "PREFIX", "1", MEMORY_PREFIX, "STOPWORDS", "0"]
    return [*head, "SCHEMA", *_fields(space, algorithm)]


def _fields(space: Space, algorithm: Algorithm) -> list[str]:
    tag = ["TAG", "SEPARATOR", SEPARATOR, "CASESENSITIVE"]
    vector = ["TYPE", "FLOAT32", "DIM", str(space.dimension), "DISTANCE_METRIC", "COSINE"]
    vector += _HNSW if algorithm == "HNSW" else ()
    return [
        *(part for name in _TAGS for part in (name, *tag)),
        *("raw_id", "TAG", "CASESENSITIVE", "SORTABLE", "UNF", "NOINDEX"),
        *(part for name in _TIMES for part in (name, "NUMERIC", "SORTABLE")),
        *(part for name in _NUMBERS for part in (name, "NUMERIC")),
        *("terms", "TEXT", "NOSTEM"),
        *(space.embedded_field, "AS", spaces.EMBEDDED, *tag),
        *(space.vector_field, "AS", spaces.VECTOR, "VECTOR"),
        *(algorithm, str(len(vector)), *vector),
    ]


_TAGS = (
    *("owner", "type", "id", "topic", "entity", "kind", "session", "message", "extractor"),
    *("pinned", "untrusted", "superseded", "slot", "prefix", "meta"),
)
_TIMES = ("created", "updated", "event_time")
_NUMBERS = ("valid_from", "valid_to", "superseded_at", "confidence")


async def _until_indexed(redis: Redis, name: str) -> None:
    polls = 0
    while not _built(found := await info(redis, name)):
        if polls % REPORT_EVERY == 0:
            logger.info("indexing memories: %.0f%%", 100 * float(found[b"percent_indexed"]))
        polls += 1
        await asyncio.sleep(POLL_SECONDS)


def _built(info: dict[bytes, Any]) -> bool:
    return int(info[b"indexing"]) == 0


async def info(redis: Redis, name: str) -> dict[bytes, Any]:
    """Return what the engine says of an index. Raises StoreUnavailable."""
    with store_errors():
        return cast(dict[bytes, Any], await command(redis, "FT.INFO", name))
