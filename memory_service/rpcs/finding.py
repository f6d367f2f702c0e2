"""Finding: search, and prompts made of what is found."""

from __future__ import annotations

from agentmemory.v1 import memory_service_pb2 as pb

from memory_service import prompt
from memory_service.domain.session import Message
from memory_service.domain.sizes import newest_that_fit
from memory_service.rpcs.group import Context, RpcGroup, tenant
from memory_service.search import SearchQuery, SearchResult
from memory_service.translate import fields, messages, scopes, searches

MAX_LIMIT = 100
DEFAULT_LIMIT = 10
MAX_RECENT = 1000


class FindingRpcs(RpcGroup):
    """Search, and prompts."""

    async def SearchMemories(
        self, request: pb.SearchMemoriesRequest, context: Context
    ) -> pb.SearchMemoriesResponse:
        """Find memories."""
        limit = fields.count(request.limit or DEFAULT_LIMIT, "limit", least=1, most=MAX_LIMIT)
        query = self._query(request, limit, required=False)
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
        result = await self._prompt_memories(request, context)
        recent = await self._prompt_messages(request)
        built = prompt.build([hit.memory for hit in result.hits], recent, request.query)
        self.parts.use.note(found.memory for found in result.hits)
        return pb.BuildPromptResponse(
            messages=[_prompt_message(message) for message in built],
            hits=[searches.hit(found, explain=False) for found in result.hits],
            degraded=result.degraded,
        )

    async def _prompt_memories(
        self, request: pb.BuildPromptRequest, context: Context
    ) -> SearchResult:
        given = request.memory_limit if request.HasField("memory_limit") else DEFAULT_LIMIT
        limit = fields.count(given, "memory_limit", least=0, most=MAX_LIMIT)
        query = self._query(request, limit)
        if limit == 0:
            return SearchResult((), degraded=False, revision=0)
        if request.include_untrusted:
            return await self.parts.search.find(query, time_left=context.time_remaining())
        result = await self.parts.search.find(
            prompt.trusted_only(query), time_left=context.time_remaining()
        )
        return prompt.without_untrusted(result)

    def _query(
        self,
        request: pb.SearchMemoriesRequest | pb.BuildPromptRequest,
        limit: int,
        *,
        required: bool = True,
    ) -> SearchQuery:
        return searches.query(
            tenant(),
            request.scope,
            request.query,
            request.options,
            limit=limit,
            now=self.parts.clock.now(),
            required=required,
        )

    async def _prompt_messages(self, request: pb.BuildPromptRequest) -> tuple[Message, ...]:
        given = request.recent_messages if request.HasField("recent_messages") else 20
        recent = fields.count(given, "recent_messages", least=0, most=MAX_RECENT)
        if not request.scope.session_id:
            return ()
        _, newest = await self.parts.sessions.recent(
            scopes.session(tenant(), request.scope), recent
        )
        return newest_that_fit(newest)


def _prompt_message(message: prompt.PromptMessage) -> pb.PromptMessage:
    return pb.PromptMessage(
        role=messages.role_to_proto(message.role),
        name=message.name,
        content=message.content,
        tool_calls=messages.tool_calls_to_proto(message.tool_calls),
        tool_call_id=message.tool_call_id,
    )
