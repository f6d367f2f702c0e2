"""MemoryService on the wire: translate, call, translate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import grpc.aio
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1 import memory_service_pb2_grpc as pb_grpc

from memory_service import prompt
from memory_service.clock import Clock
from memory_service.domain.errors import InvalidField
from memory_service.domain.reconcile import Decision, Outcome
from memory_service.domain.search import Selection
from memory_service.domain.session import Message
from memory_service.flush import Flush
from memory_service.listing import Listing
from memory_service.long_term import LongTermMemory
from memory_service.page_tokens import PageTokens
from memory_service.revisions import Revisions
from memory_service.search import Search, SearchResult
from memory_service.store.sessions import SessionStore
from memory_service.translate import calls, fields, filters, memories, messages, scopes, searches
from service_kit.auth import current_identity

Context: TypeAlias = "grpc.aio.ServicerContext[object, object]"

MAX_IDS = 256
MAX_LIMIT = 100
DEFAULT_LIMIT = 10
MAX_RECENT = 1000

_OUTCOMES = {
    Outcome.CREATED: pb.CREATE_OUTCOME_CREATED,
    Outcome.DUPLICATE: pb.CREATE_OUTCOME_DUPLICATE,
    Outcome.ID_REUSED: pb.CREATE_OUTCOME_ID_REUSED,
}


@dataclass(frozen=True, slots=True)
class Parts:
    """What the servicer calls."""

    sessions: SessionStore
    flush: Flush
    long_term: LongTermMemory
    listing: Listing
    search: Search
    revisions: Revisions
    page_tokens: PageTokens
    clock: Clock


class MemoryServicer(pb_grpc.MemoryServiceServicer):
    """What is not here answers UNIMPLEMENTED."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def AppendMessages(
        self, request: pb.AppendMessagesRequest, context: Context
    ) -> pb.AppendMessagesResponse:
        """Append to a session's log."""
        appended = await self._parts.sessions.append(
            scopes.session(_tenant(), request.scope),
            messages.from_protos(request.messages),
            now=self._parts.clock.now(),
            etag=request.etag,
            request=calls.request_key("AppendMessages", request, request.request_id),
        )
        return pb.AppendMessagesResponse(
            message_ids=appended.message_ids,
            last_sequence=appended.session.tail,
            session=messages.session_to_proto(appended.session),
        )

    async def GetWorkingMemory(
        self, request: pb.GetWorkingMemoryRequest, context: Context
    ) -> pb.GetWorkingMemoryResponse:
        """Read a session and its newest messages."""
        recent = request.recent_messages if request.HasField("recent_messages") else 50
        session, newest = await self._parts.sessions.recent(
            scopes.session(_tenant(), request.scope),
            fields.count(recent, "recent_messages", least=0, most=MAX_RECENT),
        )
        return pb.GetWorkingMemoryResponse(
            session=messages.session_to_proto(session),
            messages=[messages.to_proto(message) for message in newest],
        )

    async def DeleteWorkingMemory(
        self, request: pb.DeleteWorkingMemoryRequest, context: Context
    ) -> pb.DeleteWorkingMemoryResponse:
        """Delete a session, extracted first if asked for."""
        ref = scopes.session(_tenant(), request.scope)
        key = calls.request_key("DeleteWorkingMemory", request, request.request_id)
        if request.extract_first and not await self._parts.sessions.is_repeat(ref, key):
            await self._parts.flush.run(ref)
        deleted = await self._parts.sessions.delete(
            ref, only_if_extracted=request.extract_first, etag=request.etag, request=key
        )
        return pb.DeleteWorkingMemoryResponse(
            deleted_messages=deleted.messages, unextracted_messages=deleted.unextracted
        )

    async def ListSessions(
        self, request: pb.ListSessionsRequest, context: Context
    ) -> pb.ListSessionsResponse:
        """List a user's sessions."""
        owner = scopes.user(_tenant(), request.scope)
        size = calls.page_size(request.page_size)
        arguments = _page_arguments(request)
        (offset,) = self._parts.page_tokens.open(arguments, request.page_token) or (0,)
        found, total = await self._parts.sessions.list(owner, offset=offset, count=size)
        last = offset + size >= total
        return pb.ListSessionsResponse(
            sessions=[messages.session_to_proto(session) for session in found],
            next_page_token=(
                "" if last else self._parts.page_tokens.seal(arguments, [offset + size])
            ),
            total_size=total,
        )

    async def FlushSession(
        self, request: pb.FlushSessionRequest, context: Context
    ) -> pb.FlushSessionResponse:
        """Extract a session now."""
        ref = scopes.session(_tenant(), request.scope)
        cursor = await self._parts.flush.run(ref)
        revision = await self._parts.revisions.reached(ref.owner, 0)
        return pb.FlushSessionResponse(extracted_through=cursor, revision=revision)

    async def GetExtractionStatus(
        self, request: pb.GetExtractionStatusRequest, context: Context
    ) -> pb.GetExtractionStatusResponse:
        """Say how far extraction has come."""
        session = await self._parts.sessions.get(scopes.session(_tenant(), request.scope))
        return pb.GetExtractionStatusResponse(
            last_sequence=session.tail,
            extracted_through=session.cursor,
            pending_messages=session.pending,
            failed_ranges=[
                pb.FailedRange(
                    first_sequence=failed.first,
                    last_sequence=failed.last,
                    reason=failed.reason,
                    fail_time=fields.timestamp(failed.failed),
                )
                for failed in session.failed_ranges
            ],
        )

    async def CreateMemories(
        self, request: pb.CreateMemoriesRequest, context: Context
    ) -> pb.CreateMemoriesResponse:
        """Store a caller's memories."""
        created = await self._parts.long_term.create(
            scopes.owner_for_create(_tenant(), request.scope, shared=request.shared),
            memories.from_protos(request.memories),
            calls.request_key("CreateMemories", request, request.request_id),
        )
        return pb.CreateMemoriesResponse(
            results=[_create_result(decision) for decision in created.decisions],
            revision=created.revision,
        )

    async def GetMemory(
        self, request: pb.GetMemoryRequest, context: Context
    ) -> pb.GetMemoryResponse:
        """Read one memory."""
        memory = await self._parts.long_term.get(
            scopes.owner(_tenant(), request.scope),
            fields.identifier(request.id, "id", required=True),
        )
        return pb.GetMemoryResponse(memory=memories.to_proto(memory))

    async def DeleteMemories(
        self, request: pb.DeleteMemoriesRequest, context: Context
    ) -> pb.DeleteMemoriesResponse:
        """Delete memories by id or by filter."""
        owner = scopes.owner(_tenant(), request.scope)
        key = calls.request_key("DeleteMemories", request, request.request_id)
        given = filters.from_proto(request.filter, "filter")
        if given.empty == (not request.ids):
            raise InvalidField("ids", "either ids or a filter that is not empty is required")
        if request.ids:
            deleted = await self._parts.long_term.delete(
                owner, _ids(request), etag=request.etag, dry_run=request.dry_run, request=key
            )
        else:
            deleted = await self._parts.long_term.delete_matching(
                Selection((owner,), filter=given), dry_run=request.dry_run, request=key
            )
        return pb.DeleteMemoriesResponse(
            deleted_count=deleted.count, missing_ids=deleted.missing, revision=deleted.revision
        )

    async def ListMemories(
        self, request: pb.ListMemoriesRequest, context: Context
    ) -> pb.ListMemoriesResponse:
        """List memories by filter."""
        selection = Selection(
            owners=scopes.searched(_tenant(), request.scope, request.visibility),
            types=memories.types_from_protos(request.types, "types"),
            filter=filters.from_proto(request.filter, "filter"),
        )
        page = await self._parts.listing.page(
            selection,
            size=calls.page_size(request.page_size),
            arguments=_page_arguments(request),
            token=request.page_token,
            min_revision=request.min_revision,
        )
        return pb.ListMemoriesResponse(
            memories=[memories.to_proto(memory) for memory in page.memories],
            next_page_token=page.next_token,
            total_size=page.total,
        )

    async def SearchMemories(
        self, request: pb.SearchMemoriesRequest, context: Context
    ) -> pb.SearchMemoriesResponse:
        """Find memories."""
        limit = fields.count(request.limit or DEFAULT_LIMIT, "limit", least=1, most=MAX_LIMIT)
        query = searches.query(
            _tenant(), request.scope, request.query, request.options, limit=limit
        )
        result = await self._parts.search.find(query, time_left=context.time_remaining())
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
        query = searches.query(
            _tenant(), request.scope, request.query, request.options, limit=limit
        )
        if limit == 0:
            return SearchResult((), degraded=False, revision=0)
        return await self._parts.search.find(query, time_left=context.time_remaining())

    async def _prompt_messages(self, request: pb.BuildPromptRequest) -> tuple[Message, ...]:
        given = request.recent_messages if request.HasField("recent_messages") else 20
        recent = fields.count(given, "recent_messages", least=0, most=MAX_RECENT)
        if not request.scope.session_id:
            return ()
        _, newest = await self._parts.sessions.recent(
            scopes.session(_tenant(), request.scope), recent
        )
        return newest


def _tenant() -> str:
    return current_identity().tenant


def _ids(request: pb.DeleteMemoriesRequest) -> list[str]:
    fields.size(request.ids, "ids", least=1, most=MAX_IDS)
    if request.etag and len(request.ids) != 1:
        raise InvalidField("etag", "goes with a single id")
    return [fields.identifier(id_, f"ids[{i}]", required=True) for i, id_ in enumerate(request.ids)]


def _page_arguments(request: pb.ListSessionsRequest | pb.ListMemoriesRequest) -> bytes:
    # The tenant is no field of the request, but a token is good for one tenant only.
    return _tenant().encode() + b"\0" + calls.arguments_of(request, "page_token", "page_size")


def _create_result(decision: Decision) -> pb.CreateResult:
    memory = memories.to_proto(decision.memory) if decision.memory else None
    return pb.CreateResult(outcome=_OUTCOMES[decision.outcome], memory=memory)


def _prompt_message(message: prompt.PromptMessage) -> pb.PromptMessage:
    return pb.PromptMessage(
        role=messages.role_to_proto(message.role),
        name=message.name,
        content=message.content,
        tool_calls=messages.tool_calls_to_proto(message.tool_calls),
        tool_call_id=message.tool_call_id,
    )
