"""MemoryService on the wire, put together from its groups of RPCs."""

from __future__ import annotations

from agentmemory.v1 import memory_service_pb2_grpc as pb_grpc

from memory_service.rpcs.finding import FindingRpcs
from memory_service.rpcs.history import HistoryRpcs
from memory_service.rpcs.lifecycle import LifecycleRpcs
from memory_service.rpcs.long_term import LongTermRpcs
from memory_service.rpcs.tools import ToolRpcs
from memory_service.rpcs.transfer import TransferRpcs
from memory_service.rpcs.working_memory import WorkingMemoryRpcs


class MemoryServicer(
    WorkingMemoryRpcs,
    LongTermRpcs,
    HistoryRpcs,
    FindingRpcs,
    ToolRpcs,
    LifecycleRpcs,
    TransferRpcs,
    pb_grpc.MemoryServiceServicer,
):
    """All of the contract."""
