"""Working memory: sessions and their messages."""

from __future__ import annotations

from agentmemory.v1 import memory_service_pb2 as pb

from memory_service.domain.sizes import sessions_that_fit, waiting_that_fit
from memory_service.domain.waiting import as_memory
from memory_service.rpcs.group import Context, RpcGroup, page_arguments, tenant
from memory_service.translate import (
    budgets,
    calls,
    fields,
    given,
    messages,
    scopes,
    session_data,
    session_options,
)

MAX_RECENT = 1000
DEFAULT_RECENT = 50


class WorkingMemoryRpcs(RpcGroup):
    """Append, read, list, delete, extract."""

    async def AppendMessages(
        self, request: pb.AppendMessagesRequest, context: Context
    ) -> pb.AppendMessagesResponse:
        """Append to a session's log."""
        appended = await self.parts.sessions.append(
            scopes.session(tenant(), request.scope),
            # Memories alone will do, too.
            messages.from_protos(request.messages, least=0 if request.memories else 1),
            memories=await self.parts.guard.memories(given.from_protos(request.memories)),
            options=(
                session_options.from_proto(request.options, "options")
                if request.HasField("options")
                else None
            ),
            now=self.parts.clock.now(),
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
        budget = budgets.budget_of(request, self.parts.model_windows)
        before = budgets.before_of(request)
        default = DEFAULT_RECENT if budget is None else MAX_RECENT
        recent = request.recent_messages if request.HasField("recent_messages") else default
        count = fields.count(recent, "recent_messages", least=0, most=MAX_RECENT)
        ref = scopes.session(tenant(), request.scope)
        options = session_options.from_proto(request.options, "options")
        if request.create_if_missing:
            await self.parts.sessions.create_if_missing(ref, options, self.parts.clock.now())
        read = (
            await self.parts.reading.read(
                ref, count, budget=budget, time_left=context.time_remaining()
            )
            if before is None
            else await self.parts.reading.read_back(ref, count, before=before)
        )
        whole = read.whole
        waiting = waiting_that_fit(
            [as_memory(ref.owner, each) for each in whole.given], read.messages, whole.notes.data
        )
        return pb.GetWorkingMemoryResponse(
            session=messages.session_to_proto(whole.session, whole.notes),
            messages=[messages.to_proto(message) for message in read.messages],
            summary=read.summary.text,
            summarized_through=read.summary.through,
            token_count=read.fitted.tokens if read.fitted else 0,
            budget_used=read.fitted.share if read.fitted else 0.0,
            pending_memories=[given.to_proto(memory) for memory in waiting],
        )

    async def PutWorkingMemory(
        self, request: pb.PutWorkingMemoryRequest, context: Context
    ) -> pb.PutWorkingMemoryResponse:
        """Replace a session."""
        notes = session_data.notes(request.session, "session")
        session = await self.parts.working_memory.put(
            scopes.session(tenant(), request.session.scope, "session.scope"),
            messages.from_protos(request.messages, least=0),
            notes,
            memories=await self.parts.guard.memories(given.from_protos(request.memories)),
            options=session_options.from_proto(request.session.options, "session.options"),
            etag=request.etag,
            request=calls.request_key("PutWorkingMemory", request, request.request_id),
        )
        return pb.PutWorkingMemoryResponse(session=messages.session_to_proto(session, notes))

    async def PatchWorkingMemoryData(
        self, request: pb.PatchWorkingMemoryDataRequest, context: Context
    ) -> pb.PatchWorkingMemoryDataResponse:
        """Change a session's data."""
        ref = scopes.session(tenant(), request.scope)
        session, notes = await self.parts.working_memory.patch(
            ref,
            *session_data.patch(request),
            etag=request.etag,
            request=calls.request_key("PatchWorkingMemoryData", request, request.request_id),
        )
        return pb.PatchWorkingMemoryDataResponse(session=messages.session_to_proto(session, notes))

    async def DeleteWorkingMemory(
        self, request: pb.DeleteWorkingMemoryRequest, context: Context
    ) -> pb.DeleteWorkingMemoryResponse:
        """Delete a session, extracted first if asked for."""
        deleted = await self.parts.working_memory.delete(
            scopes.session(tenant(), request.scope),
            extract_first=request.extract_first,
            etag=request.etag,
            request=calls.request_key("DeleteWorkingMemory", request, request.request_id),
        )
        return pb.DeleteWorkingMemoryResponse(
            deleted_messages=deleted.messages, unextracted_messages=deleted.unextracted
        )

    async def ListSessions(
        self, request: pb.ListSessionsRequest, context: Context
    ) -> pb.ListSessionsResponse:
        """List a user's sessions."""
        owner = scopes.user(tenant(), request.scope)
        size = calls.page_size(request.page_size)
        arguments = page_arguments(request)
        (offset,) = self.parts.page_tokens.open(arguments, request.page_token) or (0,)
        found, total = await self.parts.sessions.list(owner, offset=offset, count=size)
        shown = sessions_that_fit(found)
        after = offset + (len(shown) if len(shown) < len(found) else size)
        return pb.ListSessionsResponse(
            sessions=[messages.session_to_proto(session) for session in shown],
            next_page_token=(
                self.parts.page_tokens.seal(arguments, [after]) if after < total else ""
            ),
            total_size=total,
        )

    async def FlushSession(
        self, request: pb.FlushSessionRequest, context: Context
    ) -> pb.FlushSessionResponse:
        """Extract a session now."""
        ref = scopes.session(tenant(), request.scope)
        cursor = await self.parts.flush.run(ref)
        revision = await self.parts.revisions.reached(ref.owner, 0)
        return pb.FlushSessionResponse(extracted_through=cursor, revision=revision)

    async def GetExtractionStatus(
        self, request: pb.GetExtractionStatusRequest, context: Context
    ) -> pb.GetExtractionStatusResponse:
        """Say how far extraction has come."""
        session = await self.parts.sessions.get(scopes.session(tenant(), request.scope))
        return pb.GetExtractionStatusResponse(
            last_sequence=session.tail,
            extracted_through=session.cursor,
            pending_messages=session.pending,
            failed_ranges=[
                messages.failed_range_to_proto(failed)
                for failed in session.failed_ranges
                if not failed.retrying
            ],
        )

    async def RetryExtraction(
        self, request: pb.RetryExtractionRequest, context: Context
    ) -> pb.RetryExtractionResponse:
        """Extract failed ranges again."""
        waiting = await self.parts.working_memory.retry(
            scopes.session(tenant(), request.scope),
            session_data.firsts(request),
            request=calls.request_key("RetryExtraction", request, request.request_id),
        )
        return pb.RetryExtractionResponse(pending_messages=waiting)
