"""Working memory: sessions and their messages."""

from __future__ import annotations

from agentmemory.v1 import memory_service_pb2 as pb

from memory_service.domain.sizes import newest_that_fit
from memory_service.rpcs.group import Context, RpcGroup, page_arguments, tenant
from memory_service.translate import calls, fields, messages, scopes, session_data

MAX_RECENT = 1000


class WorkingMemoryRpcs(RpcGroup):
    """Append, read, list, delete, extract."""

    async def AppendMessages(
        self, request: pb.AppendMessagesRequest, context: Context
    ) -> pb.AppendMessagesResponse:
        """Append to a session's log."""
        appended = await self.parts.sessions.append(
            scopes.session(tenant(), request.scope),
            messages.from_protos(request.messages),
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
        recent = request.recent_messages if request.HasField("recent_messages") else 50
        session, notes, newest = await self.parts.sessions.whole(
            scopes.session(tenant(), request.scope),
            fields.count(recent, "recent_messages", least=0, most=MAX_RECENT),
        )
        return pb.GetWorkingMemoryResponse(
            session=messages.session_to_proto(session, notes),
            messages=[messages.to_proto(message) for message in newest_that_fit(newest)],
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
        ref = scopes.session(tenant(), request.scope)
        key = calls.request_key("DeleteWorkingMemory", request, request.request_id)
        if request.extract_first and not await self.parts.sessions.is_repeat(ref, key):
            await self.parts.flush.run(ref)
        deleted = await self.parts.sessions.delete(
            ref, only_if_extracted=request.extract_first, etag=request.etag, request=key
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
        last = offset + size >= total
        return pb.ListSessionsResponse(
            sessions=[messages.session_to_proto(session) for session in found],
            next_page_token=(
                "" if last else self.parts.page_tokens.seal(arguments, [offset + size])
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
                pb.FailedRange(
                    first_sequence=failed.first,
                    last_sequence=failed.last,
                    reason=failed.reason,
                    fail_time=fields.timestamp(failed.failed),
                )
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
