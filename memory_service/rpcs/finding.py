"""Finding: search, and prompts made of what is found."""

from __future__ import annotations

from agentmemory.v1 import memory_service_pb2 as pb

from memory_service.rpcs.group import Context, RpcGroup, tenant
from memory_service.translate import fields, prompts, searches

MAX_LIMIT = 100
DEFAULT_LIMIT = 10


class FindingRpcs(RpcGroup):
    """Search, and prompts."""

    async def SearchMemories(
        self, request: pb.SearchMemoriesRequest, context: Context
    ) -> pb.SearchMemoriesResponse:
        """Find memories."""
        limit = fields.count(request.limit or DEFAULT_LIMIT, "limit", least=1, most=MAX_LIMIT)
        query = searches.query(
            tenant(),
            request.scope,
            request.query,
            request.options,
            limit=limit,
            now=self.parts.clock.now(),
            required=False,
        )
        result = await self.parts.search.find(query, time_left=context.time_remaining())
        self.parts.use.note(found.memory for found in result.hits)
        return pb.SearchMemoriesResponse(
            hits=[searches.hit(found, explain=request.explain) for found in result.hits],
            degraded=result.degraded,
            revision=result.revision,
        )

    async def BuildPrompt(
        self, request: pb.BuildPromptRequest, context: Context
    ) -> pb.BuildPromptResponse:
        """Put memories, recent messages and the query together."""
        wanted = prompts.wanted(
            tenant(), request, self.parts.model_windows, now=self.parts.clock.now()
        )
        built = await self.parts.prompts.build(wanted, context.time_remaining)
        self.parts.use.note(found.memory for found in built.draft.hits)
        return prompts.to_proto(built, wanted)
