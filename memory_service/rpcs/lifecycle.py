"""The life of memories: watching them change, forgetting them, and erasing them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

from agentmemory.v1 import memory_service_pb2 as pb

from memory_service.domain.errors import InvalidField
from memory_service.rpcs.group import Context, RpcGroup, tenant
from memory_service.translate import calls, changes, fields, forgetting, memories, scopes


class LifecycleRpcs(RpcGroup):
    """Watch, forget, erase."""

    async def WatchMemories(
        self, request: pb.WatchMemoriesRequest, context: Context
    ) -> AsyncIterator[pb.WatchMemoriesResponse]:
        """Stream an owner's changes."""
        told = self.parts.watching.watch(
            scopes.owner(tenant(), request.scope),
            changes.after_revision(request),
            memories.types_from_protos(request.types, "types"),
        )
        async with aclosing(told):
            async for each in told:
                yield changes.to_proto(each)

    async def ForgetMemories(
        self, request: pb.ForgetMemoriesRequest, context: Context
    ) -> pb.ForgetMemoriesResponse:
        """Forget memories beyond limits, or count them."""
        forgotten = await self.parts.forgetting.forget(
            scopes.owner(tenant(), request.scope),
            forgetting.limits(request),
            confirm=request.confirm,
            request=calls.request_key("ForgetMemories", request, request.request_id),
        )
        return pb.ForgetMemoriesResponse(
            forgotten_count=forgotten.count,
            sample_ids=forgotten.sample,
            revision=forgotten.revision,
        )

    async def EraseUser(
        self, request: pb.EraseUserRequest, context: Context
    ) -> pb.EraseUserResponse:
        """Erase all that is kept of a user."""
        if request.scope.session_id:
            raise InvalidField("scope.session_id", "must be empty: all of the user is erased")
        receipt = await self.parts.erasing.erase(
            scopes.user(tenant(), request.scope),
            calls.request_key("EraseUser", request, request.request_id),
        )
        return pb.EraseUserResponse(
            memories=receipt.memories,
            sessions=receipt.sessions,
            keys=receipt.keys,
            verify_time=fields.timestamp(receipt.verified),
        )
