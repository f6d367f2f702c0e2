"""Ask the index: the nearest, the best by words, ids, a count.

An answer is whole or it is an error: the engine's timeouts are warnings in RESP3, and a document of
an owner that was not asked for is never passed on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from memory_service.domain.errors import SearchTimeout, StoreUnavailable
from memory_service.domain.filters import (
    AnyOf,
    Condition,
    Filter,
    Has,
    TagField,
    TimeField,
    Untrusted,
)
from memory_service.domain.memory import Memory
from memory_service.domain.owner import Owner
from memory_service.domain.search import WHOLE, Ask, Candidate, Found, Selection, View
from memory_service.store import query, records
from memory_service.store.built_index import BuiltIndex
from memory_service.store.connection import store_errors
from memory_service.store.keys import owner_tag
from memory_service.store.query import DISTANCE, Query
from memory_service.store.spaces import FIRST, Space

logger = logging.getLogger(__name__)

TIMEOUT_MS = 5_000
"""How long the engine may take at most, and where no deadline is given."""

OF_SLOT = 32
"""How many facts of a slot are looked at; there is one, unless callers made it otherwise."""

PAST_OF_SLOT = 64
"""How many superseded facts of a slot are looked at, those stored last."""

_STANDING = View(current=-(2**60))
"""What nothing has superseded: at the beginning of time nothing was over."""

_TRUSTED = Filter(must_not=(Untrusted(value=True),))

_BODY, _OWNER = records.BODY.encode(), records.OWNER.encode()

Document = dict[bytes, Any]
Reply = Mapping[bytes, Any]
Owners = Mapping[bytes, Owner]
"""Owners by what stands for them in the index."""


class MemorySearch:
    """Reads through the index; all methods raise SearchTimeout and StoreUnavailable."""

    def __init__(self, redis: Redis, space: Space = FIRST) -> None:
        self._redis = redis
        self._index = space.index
        self._built = BuiltIndex(redis, space.index)

    async def by_meaning(
        self, asks: Sequence[Ask], vector: bytes, timeout_ms: int
    ) -> list[list[Found]]:
        """Return what is nearest, the best first, for each of `asks`. All is asked at once."""
        await self._built.check()
        commands = [self.nearest(each, vector, timeout_ms) for each in asks]
        replies = zip(asks, await ask(self._redis, commands), strict=True)
        return [_found(each.selection, reply, _cosines) for each, reply in replies]

    async def by_words(
        self, asks: Sequence[Ask], words: Sequence[str], timeout_ms: int
    ) -> list[list[Found]]:
        """Return what is best by BM25, the best first, for each of `asks`; none without words."""
        if not words:
            return [[] for _ in asks]
        await self._built.check()
        commands = [self.having(each, words, timeout_ms) for each in asks]
        replies = zip(asks, await ask(self._redis, commands), strict=True)
        return [_found(each.selection, reply, _shares_of_best) for each, reply in replies]

    def nearest(self, wanted: Ask, vector: bytes, timeout_ms: int) -> list[Any]:
        """Return the command that `by_meaning` sends."""
        near = query.nearest(query.compile_selection(wanted.selection), vector, wanted.most)
        fields = (*records.RANKED, DISTANCE)
        return self._search(near, wanted.most, timeout_ms, fields, sort=(DISTANCE, "ASC"))

    def having(self, wanted: Ask, words: Sequence[str], timeout_ms: int) -> list[Any]:
        """Return the command that `by_words` sends."""
        having = query.with_words(query.compile_selection(wanted.selection), words)
        search = self._search(having, wanted.most, timeout_ms, records.RANKED)
        return [*search, "SCORER", "BM25STD", "WITHSCORES"]

    async def newest(self, selection: Selection, k: int, timeout_ms: int) -> list[Found]:
        """Return the `k` memories that were stored last, the newest first, each with `raw` 0."""
        await self._built.check()
        everything = query.compile_selection(selection)
        search = self._search(everything, k, timeout_ms, records.RANKED, sort=("created", "DESC"))
        (reply,) = await ask(self._redis, [search])
        return _found(selection, reply, _nothing_to_tell)

    async def near(
        self, owner: Owner, *, slots: Sequence[str], vectors: Sequence[bytes], k: int
    ) -> tuple[list[Memory], list[list[Candidate]]]:
        """Return the facts of these slots, and for each vector the `k` nearest, all at once.

        Only facts that may be trusted; near are those that nothing has superseded, over or not, of
        a slot the last ones that something has, too. All of them: while the index is being built,
        after a restart of Redis, that is StoreUnavailable.
        """
        if not slots and not vectors:
            return [], []
        base = query.compile_selection(Selection((owner,), filter=_TRUSTED, view=_STANDING))
        searches = [search for slot in slots for search in self._slot_searches(owner, slot)]
        for vector in vectors:
            found = query.nearest(base, vector, k)
            fields = (*records.RETURNED, DISTANCE)
            searches.append(self._search(found, k, TIMEOUT_MS, fields, sort=(DISTANCE, "ASC")))
        info, *replies = await ask(self._redis, [["FT.INFO", self._index], *searches])
        if int(info[b"indexing"]):
            raise StoreUnavailable("The index is being built")
        owners = {owner_tag(owner).encode(): owner}
        of_slot = [
            memory
            for reply in replies[: -len(vectors) or None]
            for memory, _ in _decoded(owners, _documents(reply))
        ]
        nearest = replies[len(replies) - len(vectors) :]
        return of_slot, [_nearest(owners, _documents(reply)) for reply in nearest]

    async def ids(self, selection: Selection, limit: int) -> list[str]:
        """Return the ids of up to `limit` memories, the newest first."""
        await self._built.check()
        everything = query.compile_selection(selection)
        newest = self._search(everything, limit, TIMEOUT_MS, sort=("created", "DESC"))
        (reply,) = await ask(self._redis, [newest])
        return [memory.id for memory, _ in _decoded(_by_tag(selection), _documents(reply))]

    async def count(self, selection: Selection) -> int:
        """Return how many memories there are."""
        await self._built.check()
        everything = query.compile_selection(selection)
        (reply,) = await ask(self._redis, [self._search(everything, 0, TIMEOUT_MS)])
        return int(reply[b"total_results"])

    def _slot_searches(self, owner: Owner, slot: str) -> Iterator[list[Any]]:
        """For what is current of a slot, and for what was."""
        current = query.compile_selection(_of_slot(owner, slot, _STANDING))
        yield self._search(current, OF_SLOT, TIMEOUT_MS)
        past = query.compile_selection(_of_slot(owner, slot, WHOLE, Has(TimeField.SUPERSEDE_TIME)))
        yield self._search(past, PAST_OF_SLOT, TIMEOUT_MS, sort=("created", "DESC"))

    def _search(
        self,
        asked: Query,
        limit: int,
        timeout_ms: int,
        fields: Sequence[str] = records.RETURNED,
        sort: tuple[str, str] | None = None,
    ) -> list[Any]:
        returned = ["RETURN", str(len(fields)), *fields] if limit else ["NOCONTENT"]
        sorting = ["SORTBY", *sort] if sort else []
        bounds = ["LIMIT", "0", str(limit), "TIMEOUT", str(max(timeout_ms, 1))]
        return ["FT.SEARCH", self._index, *asked.arguments(), *returned, *sorting, *bounds]


def milliseconds(left: float | None) -> int:
    """Return how long the engine may take if the caller waits `left` seconds more."""
    return TIMEOUT_MS if left is None else max(1, min(round(left * 1000), TIMEOUT_MS))


async def ask(redis: Redis, searches: Sequence[Sequence[Any]]) -> list[Reply]:
    """Send all searches at once and return their replies, whole."""
    with store_errors():
        async with redis.pipeline(transaction=False) as pipe:
            for arguments in searches:
                pipe.execute_command(*arguments)
            replies = await pipe.execute(raise_on_error=False)
        return [whole(reply) for reply in replies]


def whole(reply: Reply | Exception) -> Reply:
    """Return a reply of the engine unless it is an error, or not the whole answer."""
    if isinstance(reply, ResponseError) and "timeout" in str(reply).lower():
        raise SearchTimeout
    if isinstance(reply, Exception):
        raise reply
    warnings = reply.get(b"warning") or []
    if any(b"timeout" in warning.lower() for warning in warnings):
        raise SearchTimeout
    if warnings:
        raise StoreUnavailable("Redis could not search the whole index")
    return reply


def _documents(reply: Reply) -> list[Document]:
    """Return the documents that were still there when their fields were read."""
    return [found for found in reply[b"results"] if _BODY in (found.get(b"extra_attributes") or ())]


def _nearest(owners: Owners, documents: Sequence[Document]) -> list[Candidate]:
    """Return candidates with their cosine, 1 - distance."""
    name = DISTANCE.encode()
    return [
        Candidate(memory, 1.0 - float(document[b"extra_attributes"][name]))
        for memory, document in _decoded(owners, documents)
    ]


def _cosines(documents: Sequence[Document]) -> list[float]:
    """Return 1 - distance of each."""
    name = DISTANCE.encode()
    return [1.0 - float(document[b"extra_attributes"][name]) for document in documents]


def _shares_of_best(documents: Sequence[Document]) -> list[float]:
    """Return BM25 over the best of the answer: a raw one would tell of others' documents."""
    scores = [float(document[b"score"]) for document in documents]
    best = max(scores, default=0.0) or 1.0
    return [score / best for score in scores]


def _nothing_to_tell(documents: Sequence[Document]) -> list[float]:
    return [0.0] * len(documents)


def _found(
    selection: Selection, reply: Reply, raws: Callable[[Sequence[Document]], Sequence[float]]
) -> list[Found]:
    """Return what was found, as far as ranking looks at it."""
    owners, documents = _by_tag(selection), _documents(reply)
    return [
        records.found(owner, fields, raw)
        for document, raw in zip(documents, raws(documents), strict=True)
        if (owner := _owner(owners, fields := document[b"extra_attributes"]))
    ]


def _owner(owners: Owners, fields: Mapping[bytes, bytes]) -> Owner | None:
    """Return whose memory it is, if it is one of these owners', as the query demands."""
    owner = owners.get(fields.get(_OWNER, b""))
    if owner is None:
        logger.critical("the index gave a memory of an owner that was not asked for: dropped")
    return owner


def _decoded(owners: Owners, documents: Sequence[Document]) -> Iterator[tuple[Memory, Document]]:
    """Yield the memories of these owners."""
    for document in documents:
        fields = document[b"extra_attributes"]
        if owner := _owner(owners, fields):
            yield records.decode(owner, fields), document


def _of_slot(owner: Owner, slot: str, view: View, *also: Condition) -> Selection:
    of_it = replace(_TRUSTED, must=(AnyOf(TagField.SLOT, (slot,)), *also))
    return Selection((owner,), filter=of_it, view=view)


def _by_tag(selection: Selection) -> Owners:
    return {owner_tag(owner).encode(): owner for owner in selection.owners}
