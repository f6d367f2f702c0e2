"""Waiting for models: for no longer than they are in order."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine
from typing import Any, TypeVar

from extractor_service.batcher import NotServing
from extractor_service.condition import Condition

Result = TypeVar("Result")

LOOK_SECONDS = 0.5
"""How soon who waits for the end of a model learns of it: that a model hangs is no event."""


async def unless_broken(models: Collection[Condition], work: Coroutine[Any, Any, Result]) -> Result:
    """What `work` gives, or raises; `NotServing` as soon as one of the models is out of order.

    Nothing of `work` runs any more afterwards.
    """
    working = asyncio.create_task(work)
    try:
        while not working.done() and all(model.in_order for model in models):
            await asyncio.wait([working], timeout=LOOK_SECONDS)
        if not working.done():
            raise NotServing
        return working.result()
    finally:
        if not working.done():
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
