"""Errors that a handler may raise, and their form on the wire: a ``google.rpc.Status``.

``ServiceError`` names its reason by a plain string, so this module knows no enum of any contract.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

DOMAIN = "agentmemory"

# A peer refuses trailing metadata over 8 KiB, and the message travels in it twice: once in the
# details and once percent-encoded, which can triple it.
_MAX_MESSAGE_BYTES = 512
_MAX_VIOLATIONS_BYTES = 3072

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_Detail = TypeVar("_Detail", bound=Message)


@dataclass(frozen=True)
class FieldViolation:
    """One field at fault: its path in the request, and what is wrong with it."""

    field: str
    description: str


class ServiceError(Exception):
    """A failure that the caller is told about, so no part of it may hold private text.

    ``reason`` is the name of an ``ErrorReason`` without its prefix, ``""`` when a peer gave none.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        reason: str,
        message: str,
        *,
        violations: Iterable[FieldViolation] = (),
        retry_after: timedelta | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        if code is grpc.StatusCode.OK:
            raise ValueError("an error cannot have the code OK")
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.violations = tuple(violations)
        self.retry_after = retry_after
        self.metadata = dict(metadata or {})


def to_status(error: ServiceError) -> status_pb2.Status:
    """Pack an error as ErrorInfo, BadRequest and RetryInfo; what cannot fit the wire is cut."""
    status = status_pb2.Status(code=error.code.value[0], message=_clipped(error.message))
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata)
    status.details.add().Pack(info)
    if error.violations:
        status.details.add().Pack(_bad_request(error.violations))
    if error.retry_after is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromTimedelta(error.retry_after)
        status.details.add().Pack(retry)
    return status


def from_status(status: status_pb2.Status) -> ServiceError:
    """Read what ``to_status`` wrote; details of another domain are ignored."""
    info = _detail(status, error_details_pb2.ErrorInfo)
    ours = info is not None and info.domain == DOMAIN
    bad_request = _detail(status, error_details_pb2.BadRequest)
    retry = _detail(status, error_details_pb2.RetryInfo)
    return ServiceError(
        _CODES.get(status.code) or grpc.StatusCode.UNKNOWN,
        info.reason if info and ours else "",
        status.message,
        violations=[
            FieldViolation(violation.field, violation.description)
            for violation in (bad_request.field_violations if bad_request else ())
        ],
        retry_after=retry.retry_delay.ToTimedelta() if retry else None,
        metadata=info.metadata if info and ours else None,
    )


def read_error(error: grpc.RpcError) -> ServiceError:
    """Read the error of a failed call; without (valid) details it has a code and a message only."""
    try:
        status = rpc_status.from_call(error)
    except (ValueError, DecodeError):
        status = None
    if status is not None:
        return from_status(status)
    return ServiceError(error.code(), "", error.details() or "")


def _bad_request(violations: tuple[FieldViolation, ...]) -> error_details_pb2.BadRequest:
    bad_request = error_details_pb2.BadRequest()
    for position, violation in enumerate(violations):
        bad_request.field_violations.add(
            field=_clipped(violation.field), description=_clipped(violation.description)
        )
        if position and bad_request.ByteSize() > _MAX_VIOLATIONS_BYTES:
            del bad_request.field_violations[-1]
            left_out = len(violations) - position
            bad_request.field_violations.add(description=f"and {left_out} more violations")
            break
    return bad_request


def _clipped(text: str) -> str:
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= _MAX_MESSAGE_BYTES:
        return encoded.decode()
    return encoded[: _MAX_MESSAGE_BYTES - 3].decode("utf-8", "ignore") + "..."


def _detail(status: status_pb2.Status, kind: type[_Detail]) -> _Detail | None:
    for packed in status.details:
        if packed.Is(kind.DESCRIPTOR):
            detail = kind()
            try:
                packed.Unpack(detail)
            except DecodeError:
                return None
            return detail
    return None
