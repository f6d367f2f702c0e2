"""Tools for chat models."""

from __future__ import annotations

from agentmemory.v1 import memory_service_pb2 as pb

from memory_service.rpcs.group import Context, RpcGroup, tenant
from memory_service.tools.caller import Caller
from memory_service.translate import calls, scopes, tools


class ToolRpcs(RpcGroup):
    """List them, call them."""

    async def ListTools(
        self, request: pb.ListToolsRequest, context: Context
    ) -> pb.ListToolsResponse:
        """List the tools to hand to a model."""
        return tools.listed(tools.offered(request.names, request.overrides), request)

    async def CallTool(self, request: pb.CallToolRequest, context: Context) -> pb.CallToolResponse:
        """Run a model's call."""
        call = tools.call(request)
        scopes.searched(tenant(), request.scope, request.visibility)
        caller = Caller(
            tenant(),
            request.scope,
            request.visibility,
            calls.request_key("CallTool", request, request.request_id),
            context.time_remaining(),
        )
        offered = tools.offered(request.names, request.overrides)
        answer = await self.parts.toolbox.run(call.made, offered, caller)
        return tools.answered(answer, call)
