"""Erase a user: everything, and make sure of it."""

from __future__ import annotations

from contextlib import aclosing

from memory_service.cancellation import check_cancelled
from memory_service.clock import Clock
from memory_service.domain.errors import Contention
from memory_service.domain.memory import MemoryType
from memory_service.domain.owner import Owner
from memory_service.domain.requests import RequestKey
from memory_service.domain.search import Selection
from memory_service.store.erasing import Eraser, Receipt
from memory_service.store.search import MemorySearch

ROUNDS = 10
"""How often is looked again because something was written meanwhile."""


class Erasing:
    """Erases until nothing is left to be found.

    May be broken off and called again: it goes on with what is left, and the receipt that is given
    in the end counts all of it.
    """

    def __init__(self, eraser: Eraser, search: MemorySearch, clock: Clock) -> None:
        self._eraser = eraser
        self._search = search
        self._clock = clock

    async def erase(self, owner: Owner, request: RequestKey | None) -> Receipt:
        """Erase the owner and return the receipt.

        Raises Contention if others keep writing, RequestIdReused, SearchTimeout.
        """
        if (first := await self._eraser.receipt(owner, request)) is not None:
            return first
        for _ in range(ROUNDS):
            if await self._round(owner):
                continue
            if await self._search.count(Selection((owner,), types=tuple(MemoryType))) == 0:
                return await self._eraser.finish(owner, now=self._clock.now(), request=request)
        raise Contention

    async def _round(self, owner: Owner) -> bool:
        """Erase all that there is; say whether there was anything."""
        found = False
        async with aclosing(self._eraser.round(owner)) as batches:
            async for _ in batches:
                check_cancelled()
                found = True
        return found
