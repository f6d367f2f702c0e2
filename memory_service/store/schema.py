"""The index over memories, and the embedding model that its vectors come from.

The index has a name that says how it is made and is reached through an alias, so that another make
can be built beside it. It holds nothing of its own: dropped, it is built again from the hashes.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any, Literal, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from memory_service.store.connection import command, store_errors
from memory_service.store.keys import INDEX_ALIAS, MEMORY_PREFIX, SCHEMA
from memory_service.store.tags import SEPARATOR

logger = logging.getLogger(__name__)

VERSION = 1
"""Part of the index's name; another one makes a new index from the same hashes."""

POLL_SECONDS = 0.05
REPORT_EVERY = 200
"""Polls between two reports of progress."""

Algorithm = Literal["FLAT", "HNSW"]

_HNSW = ("M", "16", "EF_CONSTRUCTION", "200", "EF_RUNTIME", "100")
"""With EF_RUNTIME 10, the default, recall@10 was 0.888 in an unfiltered search of 50,000."""


@dataclass(frozen=True, slots=True)
class Model:
    """An embedding model: vectors of two models cannot be compared."""

    name: str
    revision: str
    dimension: int


class ModelMismatch(Exception):
    """The memories' vectors are not of the model, or the dimension, in use now."""


async def ensure(redis: Redis, *, dimension: int, algorithm: Algorithm = "FLAT") -> None:
    """Make the index if it is not there, and wait until it has every memory.

    Several may do so at once. The first fixes the dimension: a memory with a vector of another
    length would silently stay out of the index. Raises ModelMismatch, StoreUnavailable.
    """
    with store_errors():
        await _agree(redis, "dimension", dimension)
        name = index_name(dimension, algorithm)
        await _create(redis, name, dimension, algorithm)
        await _until_indexed(redis, name)
        await command(redis, "FT.ALIASUPDATE", INDEX_ALIAS, name)
        await _drop_others(redis, name)


async def record_model(redis: Redis, model: Model) -> None:
    """Note which model vectors come from, once and for all. Raises ModelMismatch."""
    with store_errors():
        await _agree(redis, "dimension", model.dimension)
        await _agree(redis, "model", f"{model.name}@{model.revision}")


async def _agree(redis: Redis, field: str, value: object) -> None:
    """Record `value` unless there is one, in one step, and raise ModelMismatch if it is another."""
    async with redis.pipeline(transaction=True) as pipe:
        pipe.hsetnx(SCHEMA, field, str(value))
        pipe.hget(SCHEMA, field)
        _, recorded = await pipe.execute()
    if recorded.decode() != str(value):
        raise ModelMismatch(
            f"the memories' vectors are of {field} {recorded.decode()}, not {value}: "
            "use the model that they were made with, or another database"
        )


async def indexing(redis: Redis) -> bool:
    """Tell whether the index is being built, so that some memories are not found yet."""
    return not _built(await _info(redis, INDEX_ALIAS))


async def indexing_failures(redis: Redis) -> int:
    """Return how many memories the index has refused; any at all is a defect."""
    return int((await _info(redis, INDEX_ALIAS))[b"hash_indexing_failures"])


def index_name(dimension: int, algorithm: Algorithm) -> str:
    """Return the name of the index that is made so."""
    return f"{INDEX_ALIAS}:{VERSION}:{algorithm.lower()}:{dimension}"


async def _create(redis: Redis, name: str, dimension: int, algorithm: Algorithm) -> None:
    try:
        await command(
            redis,
            *("FT.CREATE", name, "ON", "HASH", "PREFIX", "1", MEMORY_PREFIX),
            *("STOPWORDS", "0", "SCHEMA", *_fields(dimension, algorithm)),
        )
    except ResponseError as error:
        if "already exists" not in str(error):
            raise


def _fields(dimension: int, algorithm: Algorithm) -> list[str]:
    tag = ["TAG", "SEPARATOR", SEPARATOR, "CASESENSITIVE"]
    vector = ["TYPE", "FLOAT32", "DIM", str(dimension), "DISTANCE_METRIC", "COSINE"]
    vector += _HNSW if algorithm == "HNSW" else ()
    return [
        *(part for name in _TAGS for part in (name, *tag)),
        *("event_time", "NUMERIC"),
        *("created", "NUMERIC", "SORTABLE"),
        *("updated", "NUMERIC"),
        *("terms", "TEXT", "NOSTEM"),
        *("vector", "VECTOR", algorithm, str(len(vector)), *vector),
    ]


_TAGS = ("owner", "type", "id", "topic", "entity", "session")


async def _until_indexed(redis: Redis, name: str) -> None:
    polls = 0
    while not _built(info := await _info(redis, name)):
        if polls % REPORT_EVERY == 0:
            logger.info("indexing memories: %.0f%%", 100 * float(info[b"percent_indexed"]))
        polls += 1
        await asyncio.sleep(POLL_SECONDS)


def _built(info: dict[bytes, Any]) -> bool:
    return int(info[b"indexing"]) == 0


async def _info(redis: Redis, name: str) -> dict[bytes, Any]:
    with store_errors():
        return cast(dict[bytes, Any], await command(redis, "FT.INFO", name))


async def _drop_others(redis: Redis, name: str) -> None:
    """Drop what the alias no longer leads to; the memories stay."""
    for other in await command(redis, "FT._LIST"):
        if other.startswith(f"{INDEX_ALIAS}:".encode()) and other != name.encode():
            try:
                await command(redis, "FT.DROPINDEX", other)
            except ResponseError as error:
                if "unknown index name" not in str(error).lower():
                    raise
