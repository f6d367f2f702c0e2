"""What a call says of itself: whether it repeats another, and which page it wants."""

from __future__ import annotations

import hashlib

from google.protobuf.message import Message

from memory_service.domain.requests import RequestKey
from memory_service.translate import fields


def request_key(method: str, request: Message, request_id: str) -> RequestKey | None:
    """Return what tells a repeat of this request from a new one; None without a request id."""
    fields.identifier(request_id, "request_id")
    if not request_id:
        return None
    arguments = hashlib.blake2b(arguments_of(request, "request_id"), digest_size=16).hexdigest()
    return RequestKey(method, request_id, arguments)


def arguments_of(request: Message, *left_out: str) -> bytes:
    """Return a request's type and arguments as bytes, the same for the same arguments.

    With the type, because requests of two methods may have the same bytes on the wire.
    """
    copy = type(request)()
    copy.CopyFrom(request)
    for name in left_out:
        copy.ClearField(name)
    method: str = request.DESCRIPTOR.full_name
    return method.encode() + b"\0" + copy.SerializeToString(deterministic=True)


def page_size(value: int, *, default: int = 50, most: int = 1000) -> int:
    """Return how many items a page has; 0 means the default."""
    return fields.count(value, "page_size", least=1, most=most) if value else default
