"""What becomes of a memory over time: changes, earlier states, and the way back."""

from __future__ import annotations

from agentmemory.v1 import memory_service_pb2 as pb

from memory_service.rpcs.group import Context, RpcGroup, page_arguments, tenant
from memory_service.translate import calls, fields, memories, scopes, showing

MAX_REVISION = 2**63 - 1


class HistoryRpcs(RpcGroup):
    """Update, restore, list earlier states."""

    async def UpdateMemory(
        self, request: pb.UpdateMemoryRequest, context: Context
    ) -> pb.UpdateMemoryResponse:
        """Change fields of a memory."""
        changed = await self.parts.updates.update(
            scopes.owner(tenant(), request.scope),
            fields.identifier(request.memory.id, "memory.id", required=True),
            await self.parts.guard.values(
                memories.values_from_proto(request.memory, request.update_mask.paths)
            ),
            etag=request.memory.etag,
            request=calls.request_key("UpdateMemory", request, request.request_id),
            time_left=context.time_remaining(),
        )
        return pb.UpdateMemoryResponse(
            memory=showing.memory(changed.memory), revision=changed.revision
        )

    async def RestoreMemory(
        self, request: pb.RestoreMemoryRequest, context: Context
    ) -> pb.RestoreMemoryResponse:
        """Bring a deleted memory, or an earlier state of one, back."""
        changed = await self.parts.updates.restore(
            scopes.owner(tenant(), request.scope),
            fields.identifier(request.id, "id", required=True),
            fields.count(request.revision, "revision", least=0, most=MAX_REVISION),
            etag=request.etag,
            request=calls.request_key("RestoreMemory", request, request.request_id),
            time_left=context.time_remaining(),
        )
        return pb.RestoreMemoryResponse(
            memory=showing.memory(changed.memory), revision=changed.revision
        )

    async def ListMemoryRevisions(
        self, request: pb.ListMemoryRevisionsRequest, context: Context
    ) -> pb.ListMemoryRevisionsResponse:
        """List the earlier states of a memory."""
        page = await self.parts.history.page(
            scopes.owner(tenant(), request.scope),
            fields.identifier(request.id, "id", required=True),
            size=calls.page_size(request.page_size),
            arguments=page_arguments(request),
            token=request.page_token,
        )
        return pb.ListMemoryRevisionsResponse(
            revisions=[showing.revision(earlier) for earlier in page.states],
            next_page_token=page.next_token,
        )
