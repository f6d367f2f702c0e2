"""Pages of a memory's earlier states, the newest first."""

from __future__ import annotations

from dataclasses import dataclass

from memory_service.domain.changes import Earlier
from memory_service.domain.owner import Owner
from memory_service.domain.sizes import first_that_fit
from memory_service.page_tokens import PageTokens
from memory_service.store.history import MemoryHistory


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Some earlier states, and the token of the next page (empty on the last)."""

    states: tuple[Earlier, ...]
    next_token: str


class History:
    """A page goes on before the state that the page before ended with."""

    def __init__(self, store: MemoryHistory, tokens: PageTokens) -> None:
        self._store = store
        self._tokens = tokens

    async def page(
        self, owner: Owner, memory_id: str, *, size: int, arguments: bytes, token: str
    ) -> HistoryPage:
        """Return a page. Raises InvalidPageToken, MemoryNotFound."""
        position = self._tokens.open(arguments, token)
        before = position[0] if position else None
        found = await self._store.page(owner, memory_id, before=before, limit=size + 1)
        memories = [earlier.memory for _, earlier in found[:size]]
        shown = found[: len(first_that_fit(memories))]
        next_token = ""
        if len(found) > len(shown):
            next_token = self._tokens.seal(arguments, [shown[-1][0]])
        return HistoryPage(tuple(earlier for _, earlier in shown), next_token)
