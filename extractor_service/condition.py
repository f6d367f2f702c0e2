"""Whether a model works at all: told from texts that it cannot work on, and tried again."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable


class Condition:
    """What is known of a model: in order until it fails on what every model can do.

    After some errors of CUDA, or without its GPU, a model fails on all that it is given, as a rule
    until the process is started anew. No text is at fault then, and no call should come here.
    """

    def __init__(
        self, works: Callable[[], Awaitable[bool]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`works` tries the model on what every model can do."""
        self._works = works
        self._clock = clock
        self._failing_since: float | None = None

    @property
    def in_order(self) -> bool:
        """Whether the model worked when it was examined last; it does before that."""
        return self._failing_since is None

    @property
    def failing_seconds(self) -> float:
        """How long ago it began to fail whenever it is examined; 0 if it is in order."""
        return 0.0 if self._failing_since is None else self._clock() - self._failing_since

    async def examine(self) -> bool:
        """Whether the model works now; it is remembered.

        Raises what `works` raises, and nothing has been learnt then.
        """
        if await self._works():
            self._failing_since = None
        elif self._failing_since is None:
            self._failing_since = self._clock()
        return self.in_order
