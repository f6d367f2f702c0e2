"""Taking all that an owner has out, and in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

from agentmemory.v1 import memory_service_pb2 as pb

from memory_service.domain.errors import InvalidField
from memory_service.rpcs.group import Context, RpcGroup, tenant
from memory_service.translate import scopes, transfer


class TransferRpcs(RpcGroup):
    """Export and import."""

    async def ExportMemories(
        self, request: pb.ExportMemoriesRequest, context: Context
    ) -> AsyncIterator[pb.ExportMemoriesResponse]:
        """Stream out what an owner has."""
        owner = scopes.owner(tenant(), request.scope)
        exported = self.parts.exporting.export(
            owner, arguments=transfer.cursor_arguments(owner), cursor=request.cursor
        )
        async with aclosing(exported):
            async for each in exported:
                yield pb.ExportMemoriesResponse(
                    records=[transfer.to_proto(owner, record) for record in each.records],
                    cursor=each.cursor,
                    exported_count=each.count,
                    estimated_total=each.total,
                )

    async def ImportMemories(
        self, requests: AsyncIterator[pb.ImportMemoriesRequest], context: Context
    ) -> AsyncIterator[pb.ImportMemoriesResponse]:
        """Take in what was exported, and answer each request when it is stored."""
        reader = taking = None
        async for request in requests:
            if reader is None or taking is None:
                if not request.HasField("scope"):
                    raise InvalidField("scope", "is required in the first request")
                owner = scopes.owner(tenant(), request.scope)
                reader = transfer.RecordReader(owner)
                taking = self.parts.importing.begin(owner)
            records = await self.parts.guard.records(reader.records(request))
            progress = await taking.take(records)
            yield pb.ImportMemoriesResponse(
                imported_count=progress.counts.total,
                duplicate_count=progress.counts.duplicates,
                conflict_count=progress.counts.conflicts,
                revision=progress.revision,
            )
