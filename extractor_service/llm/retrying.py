"""When a request is worth sending again, and how long to wait before. Pure functions."""

from __future__ import annotations

from extractor_service.llm.failures import TRANSIENT, LlmFailed

TRIES = 3
"""Of one request, the first included."""

_FIRST_PAUSE_SECONDS = 0.25


def pause(error: LlmFailed, tries: int, luck: float) -> float | None:
    """Seconds to wait after so many tries; None if another would be of no use.

    The pause doubles each time; `luck`, 0 to 1, takes up to half of it away, so that callers who
    failed together do not come back together. What the server asks for is the least.
    """
    if tries >= TRIES or error.failure not in TRANSIENT:
        return None
    backoff = _FIRST_PAUSE_SECONDS * 2.0 ** (tries - 1) * (1 - luck / 2)
    return max(backoff, error.retry_after or 0.0)
