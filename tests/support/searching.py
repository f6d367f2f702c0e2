"""What the arms of a search find, with the memories read."""

from __future__ import annotations

from collections.abc import Sequence

from memory_service.domain.search import Arm, Bounds, Candidate, Found, Selection
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
    found: dict[Arm, list[Found]] = {}
    bounds = Bounds(k, timeout_ms)
    if vector is not None:
        (found[Arm.SEMANTIC],) = await search.by_meaning([selection], vector, bounds)
    if words:
        (found[Arm.KEYWORD],) = await search.by_words([selection], words, bounds)
    return {arm: [Candidate(shown(each), each.raw) for each in of] for arm, of in found.items()}
