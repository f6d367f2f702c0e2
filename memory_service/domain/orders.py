"""In which order memories are listed."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class OrderBy(enum.Enum):
    """What a list goes by."""

    CREATE_TIME = "create_time"
    UPDATE_TIME = "update_time"
    EVENT_TIME = "event_time"
    ID = "id"


@dataclass(frozen=True, slots=True)
class Order:
    """What a list goes by, and whether the smallest or the largest comes first."""

    by: OrderBy
    ascending: bool = False


NEWEST_FIRST = Order(OrderBy.CREATE_TIME)
