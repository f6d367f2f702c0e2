"""Makes the search index again when it is lost, so that nobody has to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from memory_service.cancellation import check_cancelled
from memory_service.going_on import going_on

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0

Mend = Callable[[], Awaitable[bool]]
"""Makes the index again if it is gone; says whether it was."""


class IndexKeeper:
    """Any number of processes may keep the same index: it is made once."""

    def __init__(self, mend: Mend, *, every: float = LOOK_SECONDS) -> None:
        self._mend = mend
        self._every = every

    async def run(self) -> None:
        """Look after the index until cancelled; trouble is waited out."""
        while True:
            check_cancelled()
            with going_on(logger, "the search index is not looked after"):
                if await self._mend():
                    logger.info("the search index is whole again")
            await asyncio.sleep(self._every)
