"""Pages of memories, in any order."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from memory_service.domain.memory import Memory
from memory_service.domain.orders import NEWEST_FIRST, Order
from memory_service.domain.search import Selection
from memory_service.domain.sizes import first_that_fit
from memory_service.page_tokens import PageTokens
from memory_service.revisions import Revisions
from memory_service.store.paging import MemoryPages, Place
from memory_service.store.search import MemorySearch
from memory_service.time_travel import TimeTravel


@dataclass(frozen=True, slots=True)
class Page:
    """Some memories, the token of the next page (empty on the last), and how many match in all."""

    memories: tuple[Memory, ...]
    next_token: str
    total: int


class Listing:
    """Lists by filter. A page goes on after the place where the page before ended."""

    def __init__(
        self,
        search: MemorySearch,
        pages: MemoryPages,
        tokens: PageTokens,
        revisions: Revisions,
        past: TimeTravel,
    ) -> None:
        self._search = search
        self._pages = pages
        self._tokens = tokens
        self._revisions = revisions
        self._past = past

    async def page(
        self,
        selection: Selection,
        *,
        size: int,
        arguments: bytes,
        token: str,
        min_revision: int,
        order: Order = NEWEST_FIRST,
    ) -> Page:
        """Return a page. Raises InvalidPageToken, RevisionNotReached, SearchTimeout."""
        position = self._tokens.open(arguments, token)
        after = Place(*position) if position else None
        await self._revisions.reached(selection.owners[0], min_revision)
        total = await self._search.count(selection)
        found = await self._pages.page(selection, order, after=after, limit=size + 1)
        there = [(place, memory) for place, memory in found[:size] if memory is not None]
        as_they_were = await self._past.shown([memory for _, memory in there], selection.view)
        shown = first_that_fit(as_they_were)
        next_token = ""
        if len(shown) < len(there):
            next_token = self._tokens.seal(arguments, list(astuple(there[len(shown) - 1][0])))
        elif len(found) > size:
            next_token = self._tokens.seal(arguments, list(astuple(found[size - 1][0])))
        return Page(shown, next_token, total)
