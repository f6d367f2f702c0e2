"""Read your own writes: an answer that includes at least a given revision, or an error."""

from __future__ import annotations

from collections.abc import Sequence

from memory_service.domain.errors import RevisionNotReached
from memory_service.domain.owner import Owner
from memory_service.store.memories import MemoryStore


class Revisions:
    """Knows how far owners have come.

    The engine indexes a hash in the very script that writes it, so an owner's revision is also the
    index's.
    """

    def __init__(self, memories: MemoryStore) -> None:
        self._memories = memories

    async def reached(self, owner: Owner, wanted: int) -> int:
        """Return the owner's revision; raise RevisionNotReached if it is below `wanted`."""
        return _at_least((await self._memories.state(owner)).revision, wanted)

    async def reached_with_names(
        self, owners: Sequence[Owner], wanted: int
    ) -> tuple[int, frozenset[str]]:
        """Do so for the first of `owners`; return also the names of all who talk with them."""
        state, names = await self._memories.standing(owners)
        return _at_least(state.revision, wanted), names


def _at_least(revision: int, wanted: int) -> int:
    if revision < wanted:
        raise RevisionNotReached
    return revision
