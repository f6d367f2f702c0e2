"""Finding: search, and prompts made of what is found."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from agentmemory.v1 import memory_service_pb2 as pb

from memory_service.domain.searching import Hit
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
        result = await self.parts.search.answer(query, time_left=context.time_remaining())
        self._note(result.hits)
        return searches.to_proto(result, explain=request.explain)

    async def BuildPrompt(
        self, request: pb.BuildPromptRequest, context: Context
    ) -> pb.BuildPromptResponse:
        """Put memories, recent messages and the query together."""
        wanted = prompts.wanted(
            tenant(), request, self.parts.model_windows, now=self.parts.clock.now()
        )
        built = await self.parts.prompts.build(wanted, context.time_remaining)
        self._note(built.draft.hits)
        return prompts.to_proto(built, wanted)

    def _note(self, hits: Sequence[Hit]) -> None:
        """Note that these are used, once the answer is on its way."""
        used = [hit.memory for hit in hits]
        asyncio.get_running_loop().call_soon(self.parts.use.note, used)
