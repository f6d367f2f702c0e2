"""Read your own writes: an answer that includes at least a given revision, or an error."""

from __future__ import annotations

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
        revision = (await self._memories.state(owner)).revision
        if revision < wanted:
            raise RevisionNotReached
        return revision
