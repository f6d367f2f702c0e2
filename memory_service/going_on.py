"""Lets what runs beside the RPCs go on, whatever happens in a round of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from memory_service.domain.errors import SearchTimeout, StoreUnavailable
from memory_service.store.connection import store_errors


@contextmanager
def going_on(logger: logging.Logger, trouble: str) -> Iterator[None]:
    """End the block alone, and not the loop around it, with a line of the log.

    An exception that leaves such a loop ends the process. One that nobody foresaw is a defect, and
    logged as one, but would come again in the next process, and in all others that do the same.
    """
    try:
        with store_errors():
            yield
    except (StoreUnavailable, SearchTimeout) as error:
        logger.warning("%s: %s", trouble, str(error) or "the engine ran out of time")
    except Exception:
        logger.exception("%s, by a defect", trouble)


@contextmanager
def apart(logger: logging.Logger, trouble: str, names: Mapping[str, str]) -> Iterator[None]:
    """End the block alone by a defect with one of many, and not the others' turn.

    `names` say in the log which one it is. Raises StoreUnavailable, which is trouble of all.
    """
    try:
        with store_errors():
            yield
    except StoreUnavailable:
        raise
    except Exception:
        logger.exception(trouble, extra=names)
