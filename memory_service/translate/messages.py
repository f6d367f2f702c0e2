"""Messages and sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agentmemory.v1 import memory_pb2 as pb
from agentmemory.v1 import memory_service_pb2 as service_pb

from memory_service.domain.errors import InvalidField
from memory_service.domain.failed_ranges import FailedRange
from memory_service.domain.session import Message, NewMessage, Notes, Role, Session, ToolCall
from memory_service.translate import fields, scopes, session_data, session_options, structs

MAX_MESSAGES = 256
MAX_CONTENT = 256 * 1024
MAX_TOOL_CALLS = 64
MAX_METADATA = 16 * 1024

_ROLES = {
    pb.ROLE_USER: Role.USER,
    pb.ROLE_ASSISTANT: Role.ASSISTANT,
    pb.ROLE_SYSTEM: Role.SYSTEM,
    pb.ROLE_TOOL: Role.TOOL,
}
_ROLES_OUT = {role: value for value, role in _ROLES.items()}


def from_protos(messages: Sequence[pb.Message], *, least: int = 1) -> list[NewMessage]:
    """Return what is to be appended, at least so many."""
    fields.size(messages, "messages", least=least, most=MAX_MESSAGES)
    return [_from_proto(message, f"messages[{i}]") for i, message in enumerate(messages)]


def _from_proto(message: pb.Message, path: str, *, stored: bool = False) -> NewMessage:
    role = role_from_proto(message.role, f"{path}.role")
    if message.id.isdecimal():
        raise InvalidField(f"{path}.id", "must not be of digits only")
    content = fields.text(
        message.content,
        f"{path}.content",
        max_bytes=MAX_CONTENT,
        required=not message.tool_calls,
    )
    return NewMessage(
        id=fields.identifier(message.id, f"{path}.id"),
        role=role,
        name=fields.name(message.name, f"{path}.name"),
        content=content,
        created=_created(message, path),
        tool_calls=_tool_calls(message, path),
        tool_call_id=fields.identifier(message.tool_call_id, f"{path}.tool_call_id"),
        metadata=_metadata(message, f"{path}.metadata", stored),
        time_zone=fields.time_zone(message.time_zone, f"{path}.time_zone"),
    )


def role_from_proto(role: pb.Role.ValueType, path: str) -> Role:
    """Return who said something; it has to be known."""
    if role not in _ROLES:
        raise InvalidField(path, "is required")
    return _ROLES[role]


def _created(message: pb.Message, path: str) -> int:
    if not message.HasField("create_time"):
        return 0
    return fields.micros(message.create_time, f"{path}.create_time")


def _tool_calls(message: pb.Message, path: str) -> tuple[ToolCall, ...]:
    fields.size(message.tool_calls, f"{path}.tool_calls", most=MAX_TOOL_CALLS)
    for i, call in enumerate(message.tool_calls):
        at = f"{path}.tool_calls[{i}]"
        fields.identifier(call.id, f"{at}.id")
        fields.identifier(call.name, f"{at}.name", required=True)
        fields.text(call.arguments, f"{at}.arguments", max_bytes=MAX_CONTENT)
    return tuple(ToolCall(call.id, call.name, call.arguments) for call in message.tool_calls)


def _metadata(message: pb.Message, path: str, stored: bool) -> str:
    if not message.HasField("metadata"):
        return ""
    return structs.to_json(message.metadata, path, max_bytes=MAX_METADATA, stored=stored)


def to_proto(message: Message) -> pb.Message:
    """Return a message of a log."""
    return pb.Message(
        id=message.id,
        sequence=message.sequence,
        role=_ROLES_OUT[message.role],
        name=message.name,
        content=message.content,
        create_time=fields.timestamp(message.created),
        tool_calls=tool_calls_to_proto(message.tool_calls),
        tool_call_id=message.tool_call_id,
        metadata=structs.from_json(message.metadata) if message.metadata else None,
        time_zone=message.time_zone,
    )


def logged_from_proto(message: pb.Message, path: str) -> Message:
    """Undo `to_proto`."""
    if message.sequence < 1:
        raise InvalidField(f"{path}.sequence", "is required")
    if not message.HasField("create_time"):
        raise InvalidField(f"{path}.create_time", "is required")
    given = pb.Message()
    given.CopyFrom(message)
    if message.id == str(message.sequence):
        given.id = ""  # Nobody gave it one.
    new = _from_proto(given, path, stored=True)
    return Message(
        sequence=message.sequence,
        id=new.id or str(message.sequence),
        role=new.role,
        name=new.name,
        content=new.content,
        created=new.created,
        tool_calls=new.tool_calls,
        tool_call_id=new.tool_call_id,
        metadata=new.metadata,
        time_zone=new.time_zone,
    )


def for_extraction(message: Message) -> pb.Message:
    """Return what the extractor needs of a message: its words, and that there was a tool call.

    Arguments and metadata are never extracted from, and could fill a delta many times over.
    """
    calls = tuple(replace(call, arguments="") for call in message.tool_calls)
    return to_proto(replace(message, tool_calls=calls, metadata=""))


def failed_range_to_proto(failed: FailedRange) -> service_pb.FailedRange:
    """Return messages that could not be extracted."""
    return service_pb.FailedRange(
        first_sequence=failed.first,
        last_sequence=failed.last,
        reason=failed.reason,
        fail_time=fields.timestamp(failed.failed),
        retrying=failed.retrying,
    )


def tool_calls_to_proto(calls: Sequence[ToolCall]) -> list[pb.ToolCall]:
    """Return tool calls, verbatim."""
    return [pb.ToolCall(id=c.id, name=c.name, arguments=c.arguments) for c in calls]


def role_to_proto(role: Role) -> pb.Role.ValueType:
    """Return a role."""
    return _ROLES_OUT[role]


def session_to_proto(session: Session, notes: Notes | None = None) -> pb.Session:
    """Return a session's state, and what is kept with it where that is wanted."""
    kept = notes or Notes()
    return pb.Session(
        scope=scopes.to_proto(session.ref.owner, session.ref.session_id),
        generation=session.generation,
        create_time=fields.timestamp(session.created),
        update_time=fields.timestamp(session.updated),
        etag=session.etag,
        message_count=session.tail,
        extracted_through=session.cursor,
        data=session_data.to_struct(kept.data),
        context=kept.context,
        options=session_options.to_proto(session.options),
        expire_time=None if session.expires is None else fields.timestamp(session.expires),
        pending_memory_count=session.pending_memories,
    )
