"""What the arms of a search find, with the memories read."""

from __future__ import annotations

from collections.abc import Sequence

from memory_service.domain.search import Arm, Ask, Candidate, Found, Selection
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
    asks = [Ask(selection, k)]
    if vector is not None:
        (found[Arm.SEMANTIC],) = await search.by_meaning(asks, vector, timeout_ms)
    if words:
        (found[Arm.KEYWORD],) = await search.by_words(asks, words, timeout_ms)
    return {arm: [Candidate(shown(each), each.raw) for each in of] for arm, of in found.items()}
