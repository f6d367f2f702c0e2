"""Vector spaces: vectors of one model compare with each other and with no others.

Every space has hash fields of its own, so that a memory can have a vector in several while the
memories are re-embedded. The first space of a database has no tag: it is made before any model is
known, and gets the first that comes with vectors. Which space the database is in is a field of the
schema's hash; what is known of a space never changes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from redis.asyncio import Redis

from memory_service.store.connection import command, store_errors
from memory_service.store.keys import INDEX_ALIAS, SCHEMA

VECTOR = "vector"
EMBEDDED = "embedded"
"""Names in the index, and of a hash's fields for the first space; for others with its tag."""

_CURRENT = "space"
_PREVIOUS = "previous"

COMMAND = "python -m memory_service.reembed"


@dataclass(frozen=True, slots=True)
class Model:
    """An embedding model: vectors of two models cannot be compared."""

    name: str
    revision: str
    dimension: int

    def __str__(self) -> str:
        return f"{self.name}@{self.revision}"

    @property
    def tag(self) -> str:
        """Return the tag of a space that is made for this model: 8 hexadecimal digits."""
        return hashlib.blake2b(f"{self}@{self.dimension}".encode(), digest_size=4).hexdigest()


@dataclass(frozen=True, slots=True)
class Space:
    """A vector space, and the index by which a process searches it.

    `model` is empty until the first vectors come. A process keeps to one space and its index for
    its life, whatever the database changes to meanwhile.
    """

    tag: str = ""
    dimension: int = 0
    model: str = ""
    index: str = INDEX_ALIAS

    @property
    def vector_field(self) -> str:
        """The field of a memory's hash that has its vector, little-endian float32."""
        return tagged(VECTOR, self.tag)

    @property
    def embedded_field(self) -> str:
        """The field that says that it has one."""
        return tagged(EMBEDDED, self.tag)


FIRST = Space()


class ModelMismatch(Exception):
    """The memories' vectors are not of the model, or the dimension, in use now."""


def tagged(name: str, tag: str) -> str:
    """Return the name of a field that each space has of its own."""
    return f"{name}:{tag}" if tag else name


async def current_tag(redis: Redis) -> str:
    """Return the tag of the space that the database is in."""
    with store_errors():
        tag = await redis.hget(SCHEMA, _CURRENT)
    return tag.decode() if tag else ""  # type: ignore[union-attr]


async def current(redis: Redis, *, dimension: int, model: Model | None) -> Space:
    """Return the space that the database is in; the first is made with `dimension` if it is new.

    Raises ModelMismatch if it is not that of `model`.
    """
    tag = await current_tag(redis)
    if model is not None:
        await record_model(redis, model, tag)
    with store_errors():
        await redis.hsetnx(SCHEMA, tagged("dimension", tag), str(dimension))
        names = [tagged("dimension", tag), tagged("model", tag)]
        recorded, name = await redis.hmget(SCHEMA, names)
    return Space(tag, int(recorded or 0), name.decode() if name else "")  # type: ignore[union-attr]


async def in_use(redis: Redis, space: Space) -> bool:
    """Tell whether the database knows this space; one that was emptied gets to know it again."""
    with store_errors():
        if await redis.exists(SCHEMA):
            return bool(await redis.hexists(SCHEMA, tagged("dimension", space.tag)))
        await redis.hset(SCHEMA, tagged("dimension", space.tag), str(space.dimension))
        await redis.hset(SCHEMA, _CURRENT, space.tag)
        if space.model:
            await redis.hset(SCHEMA, tagged("model", space.tag), space.model)
    return True


async def record_model(redis: Redis, model: Model, tag: str = "") -> None:
    """Note which model a space's vectors come from, once and for all. Raises ModelMismatch."""
    with store_errors():
        await _agree(redis, tagged("dimension", tag), model.dimension, model)
        await _agree(redis, tagged("model", tag), str(model), model)


async def _agree(redis: Redis, field: str, value: object, model: Model) -> None:
    """Record `value` unless there is one, in one step, and raise ModelMismatch if it is another."""
    async with redis.pipeline(transaction=True) as pipe:
        pipe.hsetnx(SCHEMA, field, str(value))
        pipe.hget(SCHEMA, field)
        _, recorded = await pipe.execute()
    if recorded.decode() != str(value):
        what = field.partition(":")[0]
        raise mismatch(f"{what} {recorded.decode()}", f"{value}", model)


def mismatch(ours: str, theirs: str, model: Model) -> ModelMismatch:
    """Return the error of a model that is not the database's, which says what helps."""
    return ModelMismatch(
        f"the memories' vectors are of {ours}, not {theirs}: start the extractor with the model "
        f"that they were made with, or make them anew with {model} by `{COMMAND}`, while the "
        "services serve"
    )


async def switch(redis: Redis, space: Space) -> None:
    """Make `space` that of the database, and lead the alias to its index, in one step."""
    before = await current_tag(redis)
    if before == space.tag:
        return
    with store_errors():
        async with redis.pipeline(transaction=True) as pipe:
            pipe.hset(SCHEMA, mapping={_CURRENT: space.tag, _PREVIOUS: before})
            pipe.execute_command("FT.ALIASUPDATE", INDEX_ALIAS, space.index)
            await pipe.execute()


async def unfinished(redis: Redis) -> bool:
    """Tell whether processes of the space before may still be writing."""
    with store_errors():
        return bool(await redis.hexists(SCHEMA, _PREVIOUS))


async def forget_others(redis: Redis) -> None:
    """Forget all spaces but the current one, whose vectors and indexes are gone."""
    with store_errors():
        tag = await current_tag(redis)
        kept = {_CURRENT, tagged("model", tag), tagged("dimension", tag)}
        fields = [bytes(field).decode() for field in await redis.hkeys(SCHEMA)]  # type: ignore[arg-type]
        if others := [field for field in fields if field not in kept]:
            await redis.hdel(SCHEMA, *others)


async def drop_other_indexes(redis: Redis, index: str) -> int:
    """Drop every index of memories but this one, and say how many; the memories stay."""
    with store_errors():
        names = [name.decode() for name in await command(redis, "FT._LIST")]
        others = [n for n in names if n.startswith(f"{INDEX_ALIAS}:") and n != index]
        for other in others:
            await command(redis, "FT.DROPINDEX", other)
    return len(others)
