"""Long-term memory: what callers write and read by id or by filter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb

from memory_service.domain.changes import Decision, Outcome
from memory_service.domain.errors import InvalidField
from memory_service.domain.memory import Memory
from memory_service.domain.search import Selection
from memory_service.domain.sizes import first_that_fit, one_by_one_that_fit
from memory_service.rpcs.group import Context, RpcGroup, page_arguments, tenant
from memory_service.translate import (
    calls,
    fields,
    filters,
    listing,
    memories,
    scopes,
    showing,
    views,
)

MAX_IDS = 256

_OUTCOMES = {
    Outcome.CREATED: pb.CREATE_OUTCOME_CREATED,
    Outcome.DUPLICATE: pb.CREATE_OUTCOME_DUPLICATE,
    Outcome.ID_REUSED: pb.CREATE_OUTCOME_ID_REUSED,
    Outcome.SUPERSEDING: pb.CREATE_OUTCOME_SUPERSEDING,
    Outcome.SUPERSEDED: pb.CREATE_OUTCOME_SUPERSEDED,
    Outcome.SUPERSEDED_MISSING: pb.CREATE_OUTCOME_SUPERSEDED_MISSING,
}


class LongTermRpcs(RpcGroup):
    """Create, read, delete, list."""

    async def CreateMemories(
        self, request: pb.CreateMemoriesRequest, context: Context
    ) -> pb.CreateMemoriesResponse:
        """Store a caller's memories."""
        created = await self.parts.long_term.create(
            scopes.owner_for_create(tenant(), request.scope, shared=request.shared),
            await self.parts.guard.memories(memories.from_protos(request.memories)),
            calls.request_key("CreateMemories", request, request.request_id),
            time_left=context.time_remaining(),
        )
        return pb.CreateMemoriesResponse(
            results=_create_results(created.decisions),
            revision=created.revision,
        )

    async def GetMemory(
        self, request: pb.GetMemoryRequest, context: Context
    ) -> pb.GetMemoryResponse:
        """Read one memory."""
        memory = await self.parts.long_term.get(
            scopes.owner(tenant(), request.scope),
            fields.identifier(request.id, "id", required=True),
        )
        return pb.GetMemoryResponse(memory=showing.memory(memory))

    async def BatchGetMemories(
        self, request: pb.BatchGetMemoriesRequest, context: Context
    ) -> pb.BatchGetMemoriesResponse:
        """Read several memories."""
        found, missing = await self.parts.long_term.get_many(
            scopes.owner(tenant(), request.scope), _ids(request.ids)
        )
        shown = first_that_fit(found)
        return pb.BatchGetMemoriesResponse(
            memories=[showing.memory(memory) for memory in shown],
            missing_ids=missing,
            left_out_ids=[memory.id for memory in found[len(shown) :]],
        )

    async def DeleteMemories(
        self, request: pb.DeleteMemoriesRequest, context: Context
    ) -> pb.DeleteMemoriesResponse:
        """Delete memories by id or by filter."""
        owner = scopes.owner(tenant(), request.scope)
        key = calls.request_key("DeleteMemories", request, request.request_id)
        given = filters.from_proto(request.filter, "filter")
        if given.empty == (not request.ids):
            empty = given.empty and request.HasField("filter")
            path = "filter" if empty else "ids"
            raise InvalidField(path, "needs either ids or a filter that is not empty, not both")
        types = memories.types_from_protos(request.types, "types")
        if request.ids and request.types:
            raise InvalidField("types", "go with a filter")
        if request.ids:
            deleted = await self.parts.long_term.delete(
                owner,
                _deleted_ids(request),
                etag=request.etag,
                dry_run=request.dry_run,
                request=key,
            )
        else:
            deleted = await self.parts.long_term.delete_matching(
                Selection((owner,), types, filter=given), dry_run=request.dry_run, request=key
            )
        return pb.DeleteMemoriesResponse(
            deleted_count=deleted.count, missing_ids=deleted.missing, revision=deleted.revision
        )

    async def ListMemories(
        self, request: pb.ListMemoriesRequest, context: Context
    ) -> pb.ListMemoriesResponse:
        """List memories by filter."""
        selection = Selection(
            owners=scopes.searched(tenant(), request.scope, request.visibility),
            types=memories.types_from_protos(request.types, "types"),
            filter=filters.from_proto(request.filter, "filter"),
            view=views.from_proto(request, "", now=self.parts.clock.now()),
        )
        page = await self.parts.listing.page(
            selection,
            size=calls.page_size(request.page_size),
            arguments=page_arguments(request),
            token=request.page_token,
            min_revision=request.min_revision,
            order=listing.order(request),
        )
        return pb.ListMemoriesResponse(
            memories=[showing.memory(memory) for memory in page.memories],
            next_page_token=page.next_token,
            total_size=page.total,
        )


def _deleted_ids(request: pb.DeleteMemoriesRequest) -> list[str]:
    ids = _ids(request.ids)
    if request.etag and len(ids) != 1:
        raise InvalidField("etag", "goes with a single id")
    return ids


def _ids(ids: Sequence[str]) -> list[str]:
    fields.size(ids, "ids", least=1, most=MAX_IDS)
    return [fields.identifier(id_, f"ids[{i}]", required=True) for i, id_ in enumerate(ids)]


def _create_results(decisions: Sequence[Decision]) -> list[pb.CreateResult]:
    """Return what became of each; of memories that the response has no room for only their ids."""
    whole = one_by_one_that_fit(decision.memory for decision in decisions)
    shown = [_create_result(decision, showing.memory) for decision in decisions[:whole]]
    return shown + [_create_result(decision, _only_its_id) for decision in decisions[whole:]]


def _create_result(
    decision: Decision, show: Callable[[Memory], memory_pb2.Memory]
) -> pb.CreateResult:
    memory = show(decision.memory) if decision.memory else None
    return pb.CreateResult(outcome=_OUTCOMES[decision.outcome], memory=memory)


def _only_its_id(memory: Memory) -> memory_pb2.Memory:
    return memory_pb2.Memory(id=memory.id)
