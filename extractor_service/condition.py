"""Whether a model, or the rules, work at all: told from texts that they cannot work on."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

STUCK_SECONDS = 120.0
"""What runs for longer does not end: a GPU that does not answer, a thread that waits for ever.

Far from the longest batch, by reckoning. On two cores all-MiniLM-L6-v2 takes 0.1 s for 512 tokens,
a CPU's batch; thirty times as large a model takes 3 s, and about a minute for one text of 8192
tokens, which is a batch by itself. A GPU is faster than that with its 16384. The rules take 6 s for
the worst message of the largest size.
"""


async def _never_fails() -> bool:
    return True


class Condition:
    """What is known of a model: in order until it fails on what every model can do, or hangs.

    After some errors of CUDA, or without its GPU, a model fails on all that it is given, or does
    not return, as a rule until the process is started anew. No text is at fault then, and no call
    should come here.
    """

    def __init__(
        self,
        works: Callable[[], Awaitable[bool]] = _never_fails,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`works` tries the model on what every model can do; without it, it can only hang."""
        self._works = works
        self._clock = clock
        self._failing_since: float | None = None
        self._running_since: float | None = None

    @property
    def in_order(self) -> bool:
        """Whether the model worked when it was examined last, or was not yet, and returns."""
        return self._failing_since is None and not self._overdue

    @property
    def failing_seconds(self) -> float:
        """How long ago it began to fail whenever it is examined, or to hang; 0 if in order."""
        failing = 0.0 if self._failing_since is None else self._clock() - self._failing_since
        return max(failing, self._overdue)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Hold this while the model runs, in its thread: who waits for it may leave before."""
        self._running_since = self._clock()
        try:
            yield
        finally:
            self._running_since = None

    async def examine(self) -> bool:
        """Whether the model works now; it is remembered. One that hangs is not asked.

        Raises what `works` raises, and nothing has been learnt then.
        """
        if self._overdue:
            return False
        if await self._works():
            self._failing_since = None
        elif self._failing_since is None:
            self._failing_since = self._clock()
        return self.in_order

    @property
    def _overdue(self) -> float:
        """By how many seconds that which runs is late."""
        since = self._running_since  # read once: the model's thread may change it
        return 0.0 if since is None else max(0.0, self._clock() - since - STUCK_SECONDS)
