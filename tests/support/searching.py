"""What the arms of a search find, with the memories read."""

from __future__ import annotations

from collections.abc import Sequence

from memory_service.domain.search import Arm, Candidate, Selection
from memory_service.store.records import shown
from memory_service.store.search import MemorySearch


async def arms_of(
    search: MemorySearch,
    selection: Selection,
    *,
    vector: bytes | None,
    words: Sequence[str],
    k: int,
    timeout_ms: int,
) -> dict[Arm, list[Candidate]]:
    """Ask for a single selection."""
    (arms,) = await search.arms([selection], vector=vector, words=words, k=k, timeout_ms=timeout_ms)
    return {
        arm: [Candidate(shown(each), each.raw) for each in found] for arm, found in arms.items()
    }
