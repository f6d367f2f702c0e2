"""Pages of memories in any order, from the index.

The engine sorts by one field and knows nothing of ties. So a page is read by the field, those at
the place where it goes on included, and ordered here by field, id and owner. What the engine cut
off in the middle of equals is not used; then more is read, until there is enough.

Times are narrowed by the time to go on from. Ids are tags, which know no ranges: there the page
goes on from how many came before, a little earlier, and is looked for further off if that has
shifted by more than a little.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from memory_service.domain.memory import Memory
from memory_service.domain.orders import Order, OrderBy
from memory_service.domain.search import Selection
from memory_service.store import query, records
from memory_service.store.built_index import BuiltIndex
from memory_service.store.connection import store_errors
from memory_service.store.keys import (
    OwnerKeys,
    memory_id_of,
    memory_owner_of,
    owner_tag,
)
from memory_service.store.query import Query
from memory_service.store.search import TIMEOUT_MS, ask
from memory_service.store.spaces import EMBEDDED, FIRST, Space

logger = logging.getLogger(__name__)

SLACK = 32
"""How many more are read than wanted: equals, and what has come or gone since the last page."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a memory stands in a list: in which lane, and there by what the lane goes by.

    `offset` is how many were before it when it was read, at least roughly.
    """

    lane: int
    value: float
    id: str
    owner_tag: str
    offset: int = 0

    @property
    def key(self) -> tuple[float, str, str]:
        """What places of one lane are ordered by."""
        return self.value, self.id, self.owner_tag


@dataclass(frozen=True, slots=True)
class _Lane:
    """One after the other, lanes make a list: each has its memories, sorted by a field of its own.

    `dated` says of the memories whether they have an event time, None if that does not matter.
    """

    field: str
    ascending: bool
    dated: bool | None = None

    @property
    def by_id(self) -> bool:
        return self.field == _RAW_ID

    def group(self, place: Place) -> tuple[float, str]:
        """Return what the engine sorts by: it puts places of one group in any order."""
        return place.value, place.id if self.by_id else ""

    def follows(self, first: Any, second: Any) -> bool:
        """Tell whether `second`, a key or a group, is further down than `first`."""
        return bool(first < second if self.ascending else first > second)


_RAW_ID = "raw_id"
_FIELDS = {
    OrderBy.CREATE_TIME: "created",
    OrderBy.UPDATE_TIME: "updated",
    OrderBy.EVENT_TIME: "event_time",
    OrderBy.ID: _RAW_ID,
}


def _lanes(order: Order) -> list[_Lane]:
    lane = _Lane(_FIELDS[order.by], order.ascending)
    if order.by is not OrderBy.EVENT_TIME:
        return [lane]
    undated = _Lane(_FIELDS[OrderBy.CREATE_TIME], order.ascending, dated=False)
    return [_Lane(lane.field, order.ascending, dated=True), undated]


class MemoryPages:
    """Reads lists through the index; raises SearchTimeout and StoreUnavailable."""

    def __init__(self, redis: Redis, space: Space = FIRST) -> None:
        self._redis = redis
        self._space = space
        self._built = BuiltIndex(redis, space.index)

    async def page(
        self, selection: Selection, order: Order, *, after: Place | None, limit: int
    ) -> list[tuple[Place, Memory | None]]:
        """Return up to `limit` memories after `after`; fewer only if there are no more.

        None stands for a memory that has gone while its page was read.
        """
        found = await self.places(selection, order, after=after, limit=limit)
        memories = await self._memories(selection, found)
        return list(zip(found, memories, strict=True))

    async def places(
        self, selection: Selection, order: Order, *, after: Place | None, limit: int
    ) -> list[Place]:
        """Return where up to `limit` memories are after `after`; fewer if there are no more."""
        await self._built.check()
        everything = query.compile_selection(selection)
        tags = {owner_tag(owner) for owner in selection.owners}
        found: list[Place] = []
        for number, lane in enumerate(_lanes(order)):
            if after and number < after.lane:
                continue
            here = after if after and number == after.lane else None
            lane_reader = _LaneReader(
                self._redis, self._space.index, everything, number, lane, tags
            )
            found += await lane_reader.rest(here, limit - len(found))
            if len(found) == limit:
                break
        return found

    async def _memories(self, selection: Selection, places: Sequence[Place]) -> list[Memory | None]:
        by_tag = {owner_tag(owner): owner for owner in selection.owners}
        owners = [by_tag[place.owner_tag] for place in places]
        with store_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for owner, place in zip(owners, places, strict=True):
                    key = OwnerKeys(owner).memory(place.id)
                    pipe.hmget(key, [records.BODY, self._space.embedded_field])
                rows = await pipe.execute()
        return [
            records.decode(owner, _present(*row)) if row[0] is not None else None
            for owner, row in zip(owners, rows, strict=True)
        ]


class _LaneReader:
    """Reads places of one lane of a list."""

    def __init__(
        self,
        redis: Redis,
        index: str,
        everything: Query,
        number: int,
        lane: _Lane,
        tags: set[str],
    ) -> None:
        self._redis = redis
        self._index = index
        self._number = number
        self._lane = lane
        self._tags = tags
        self._query = everything
        if lane.dated is not None:
            self._query = query.having(everything, _FIELDS[OrderBy.EVENT_TIME], lane.dated)

    async def rest(self, after: Place | None, limit: int) -> list[Place]:
        """Return up to `limit` places after `after`."""
        asked, start, window = self._query, 0, limit + SLACK
        if after is not None and self._lane.by_id:
            start, window = max(after.offset - SLACK, 0), window + SLACK
        elif after is not None:
            asked = query.bounded(asked, self._lane.field, after.value, up=self._lane.ascending)
        while True:
            places, cut = await self._places(asked, start, window)
            if after is not None and start > 0 and not self._begins_before(after, places):
                start = max(start - window, 0)
            else:
                left = self._usable(places, after, cut=cut)
                if not cut or len(left) >= limit:
                    return left[:limit]
            window *= 2

    def _begins_before(self, after: Place, places: Sequence[Place]) -> bool:
        """Tell whether all that comes after `after` comes after the first of `places` too."""
        lane = self._lane
        return bool(places) and lane.follows(lane.group(places[0]), lane.group(after))

    def _usable(self, places: Sequence[Place], after: Place | None, *, cut: bool) -> list[Place]:
        """Return what is after `after`, in order, without the last equals if some may lack."""
        lane = self._lane
        last = lane.group(places[-1]) if cut and places else None
        left = [
            place
            for place in places
            if (after is None or lane.follows(after.key, place.key)) and lane.group(place) != last
        ]
        return sorted(left, key=lambda place: place.key, reverse=not lane.ascending)

    async def _places(self, asked: Query, start: int, window: int) -> tuple[list[Place], bool]:
        """Return `window` places from `start` on, and whether there may be more."""
        field = self._lane.field
        (reply,) = await ask(
            self._redis,
            [
                [
                    *("FT.SEARCH", self._index, *asked.arguments(), "RETURN", "1", field),
                    *("SORTBY", field, "ASC" if self._lane.ascending else "DESC"),
                    *("LIMIT", str(start), str(window), "TIMEOUT", str(TIMEOUT_MS)),
                ]
            ],
        )
        found = [
            self._place(row, offset)
            for offset, row in enumerate(reply[b"results"], start)
            if field.encode() in (row.get(b"extra_attributes") or {})
        ]
        return [place for place in found if place], len(reply[b"results"]) == window

    def _place(self, row: dict[bytes, Any], offset: int) -> Place | None:
        key = row[b"id"].decode()
        tag = owner_tag(memory_owner_of(key))
        if tag not in self._tags:
            logger.critical("the index gave a memory of an owner that was not asked for: dropped")
            return None
        sorted_by = row[b"extra_attributes"][self._lane.field.encode()]
        value = 0.0 if self._lane.by_id else float(sorted_by)
        return Place(self._number, value, memory_id_of(key), tag, offset)


def _present(body: bytes, embedded: bytes | None) -> dict[bytes, bytes]:
    fields = {records.BODY.encode(): body}
    return fields | {EMBEDDED.encode(): embedded} if embedded else fields
