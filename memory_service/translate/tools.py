"""Tools and their calls, on the wire."""

from __future__ import annotations

import json
from collections.abc import Sequence

from agentmemory.v1 import memory_service_pb2 as pb
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct

from memory_service.domain.errors import InvalidField
from memory_service.domain.session import ToolCall
from memory_service.tools import formats
from memory_service.tools.formats import Call, Format
from memory_service.tools.results import Result
from memory_service.tools.toolbox import Answer
from memory_service.tools.toolset import Override, Toolset, toolset
from memory_service.translate import fields
from memory_service.translate.structs import too_deep

MAX_CALL = 512 * 1024
MAX_NAMES = 64

_FORMATS = {pb.TOOL_FORMAT_OPENAI: Format.OPENAI, pb.TOOL_FORMAT_ANTHROPIC: Format.ANTHROPIC}


def offered(names: Sequence[str], overrides: Sequence[pb.ToolOverride]) -> Toolset:
    """Return the tools that the model is given."""
    fields.size(names, "names", most=MAX_NAMES)
    fields.size(overrides, "overrides", most=MAX_NAMES)
    return toolset(names, [Override(o.tool, o.name, o.description) for o in overrides])


def listed(tools: Toolset, request: pb.ListToolsRequest) -> pb.ListToolsResponse:
    """Return the tools in the format asked for."""
    format_ = _format(request.format) or Format.OPENAI
    return pb.ListToolsResponse(
        tools=[
            pb.Tool(
                name=tool.name,
                description=tool.description,
                schema_json=formats.schema_json(tool, format_, strict=request.strict),
            )
            for _, tool in tools.values()
        ]
    )


def call(request: pb.CallToolRequest) -> Call:
    """Return the call, and the format of its answer."""
    wanted = _format(request.format)
    if not request.call_json:
        if not request.HasField("call"):
            raise InvalidField("call", "is required, unless there is call_json")
        made = ToolCall(request.call.id, request.call.name, request.call.arguments)
        return Call(made, wanted or Format.OPENAI)
    if request.HasField("call"):
        raise InvalidField("call_json", "does not go together with call")
    fields.text(request.call_json, "call_json", max_bytes=MAX_CALL)
    read = formats.read_call(request.call_json, "call_json")
    return Call(read.made, wanted or read.format)


def answered(answer: Answer, to: Call) -> pb.CallToolResponse:
    """Return what a tool answered."""
    content = json.dumps(answer.result, ensure_ascii=False)
    return pb.CallToolResponse(
        content_json=content,
        result=_struct(answer.result),
        is_error=answer.is_error,
        message_json=formats.answer_json(to, content, is_error=answer.is_error),
        revision=answer.revision,
    )


def _format(value: pb.ToolFormat.ValueType) -> Format | None:
    if value == pb.TOOL_FORMAT_UNSPECIFIED:
        return None
    if value not in _FORMATS:
        raise InvalidField("format", "is unknown")
    return _FORMATS[value]


def _struct(result: Result) -> Struct | None:
    return None if too_deep(result) else json_format.ParseDict(result, Struct())
