"""In which order a caller wants memories listed."""

from __future__ import annotations

from agentmemory.v1 import memory_service_pb2 as pb

from memory_service.domain.errors import InvalidField
from memory_service.domain.orders import Order, OrderBy

_ORDERS = {
    pb.MEMORY_ORDER_UNSPECIFIED: OrderBy.CREATE_TIME,
    pb.MEMORY_ORDER_CREATE_TIME: OrderBy.CREATE_TIME,
    pb.MEMORY_ORDER_UPDATE_TIME: OrderBy.UPDATE_TIME,
    pb.MEMORY_ORDER_EVENT_TIME: OrderBy.EVENT_TIME,
    pb.MEMORY_ORDER_ID: OrderBy.ID,
}


def order(request: pb.ListMemoriesRequest) -> Order:
    """Return the order; without a direction times go down and ids up."""
    if request.order_by not in _ORDERS:
        raise InvalidField("order_by", "is unknown")
    if request.direction not in pb.SortDirection.values():
        raise InvalidField("direction", "is unknown")
    by = _ORDERS[request.order_by]
    if request.direction == pb.SORT_DIRECTION_UNSPECIFIED:
        return Order(by, ascending=by is OrderBy.ID)
    return Order(by, ascending=request.direction == pb.SORT_DIRECTION_ASCENDING)
