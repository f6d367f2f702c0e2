"""Pages of memories, the newest first."""

from __future__ import annotations

from dataclasses import dataclass

from memory_service.domain.memory import Memory
from memory_service.domain.search import Selection
from memory_service.domain.sizes import first_that_fit
from memory_service.page_tokens import PageTokens
from memory_service.revisions import Revisions
from memory_service.store.search import Cursor, MemorySearch


@dataclass(frozen=True, slots=True)
class Page:
    """Some memories, the token of the next page (empty on the last), and how many match in all."""

    memories: tuple[Memory, ...]
    next_token: str
    total: int


class Listing:
    """Lists by filter. A page goes on after the last memory of the page before, by create time."""

    def __init__(self, engine: MemorySearch, tokens: PageTokens, revisions: Revisions) -> None:
        self._engine = engine
        self._tokens = tokens
        self._revisions = revisions

    async def page(
        self, selection: Selection, *, size: int, arguments: bytes, token: str, min_revision: int
    ) -> Page:
        """Return a page. Raises InvalidPageToken, RevisionNotReached, SearchTimeout."""
        position = self._tokens.open(arguments, token)
        after = Cursor(*position) if position else None
        await self._revisions.reached(selection.owners[0], min_revision)
        found, total = await self._engine.page(selection, after=after, limit=size + 1)
        shown = first_that_fit(found[:size])
        next_token = ""
        if len(found) > len(shown):
            last = Cursor.of(shown[-1])
            next_token = self._tokens.seal(arguments, [last.created, last.owner_tag])
        return Page(shown, next_token, total)
