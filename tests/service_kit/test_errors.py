from __future__ import annotations

from datetime import timedelta

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2
from grpc.aio import AioRpcError, Metadata

from service_kit.errors import FieldViolation, ServiceError, from_status, read_error, to_status

FULL = ServiceError(
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    "OVERLOADED",
    "the queue is full – voll",
    violations=[FieldViolation("items[3].text", "too long"), FieldViolation("name", "missing")],
    retry_after=timedelta(milliseconds=1500),
    metadata={"limit": "100"},
)


def as_rpc_error(status: status_pb2.Status, details: bytes | None = None) -> AioRpcError:
    raw = status.SerializeToString() if details is None else details
    (code,) = [code for code in grpc.StatusCode if code.value[0] == status.code]
    trailing = Metadata(("grpc-status-details-bin", raw))
    return AioRpcError(code, Metadata(), trailing, status.message)


def test_an_error_survives_the_way_there_and_back():
    read = read_error(as_rpc_error(to_status(FULL)))
    assert vars(read) == vars(FULL)


def test_an_error_without_details_survives_too():
    plain = ServiceError(grpc.StatusCode.NOT_FOUND, "MEMORY_NOT_FOUND", "no such memory")
    assert vars(from_status(to_status(plain))) == vars(plain)


def test_the_details_are_the_standard_ones():
    packed = [detail.TypeName() for detail in to_status(FULL).details]
    assert packed == ["google.rpc.ErrorInfo", "google.rpc.BadRequest", "google.rpc.RetryInfo"]
    info = error_details_pb2.ErrorInfo()
    to_status(FULL).details[0].Unpack(info)
    assert info.domain == "agentmemory"


def test_an_error_of_the_transport_has_a_code_and_no_reason():
    read = read_error(AioRpcError(grpc.StatusCode.UNAVAILABLE, Metadata(), Metadata(), "gone"))
    assert (read.code, read.reason, read.message) == (grpc.StatusCode.UNAVAILABLE, "", "gone")
    assert (read.violations, read.retry_after) == ((), None)


def test_details_that_are_no_status_are_ignored():
    broken = as_rpc_error(status_pb2.Status(code=5, message="gone"), details=b"\xff\xff\xff")
    assert (read_error(broken).code, read_error(broken).reason) == (grpc.StatusCode.NOT_FOUND, "")


def test_a_detail_that_cannot_be_unpacked_is_ignored():
    broken = Any(type_url="type.googleapis.com/google.rpc.ErrorInfo", value=b"\xff\xff")
    read = from_status(status_pb2.Status(code=5, message="gone", details=[broken]))
    assert (read.code, read.reason) == (grpc.StatusCode.NOT_FOUND, "")


def test_the_reason_of_another_domain_is_not_taken_for_ours():
    status = status_pb2.Status(code=5, message="gone")
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason="GONE", domain="other.example"))
    assert from_status(status).reason == ""


def test_a_status_with_a_code_of_the_future_is_unknown():
    assert from_status(status_pb2.Status(code=99)).code is grpc.StatusCode.UNKNOWN


def test_many_violations_are_cut_to_what_the_wire_takes():
    violations = [FieldViolation(f"items[{i}].text", "must not be empty") for i in range(1000)]
    error = ServiceError(
        grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", "bad ü" * 1000, violations=violations
    )
    status = to_status(error)
    assert status.ByteSize() < 4096
    read = from_status(status)
    kept = len(read.violations) - 1
    assert read.violations[:kept] == tuple(violations[:kept])
    assert read.violations[-1] == FieldViolation("", f"and {1000 - kept} more violations")
    assert len(read.message.encode()) <= 512
    assert read.message.endswith("...")


def test_an_error_is_never_ok():
    with pytest.raises(ValueError, match="cannot have the code OK"):
        ServiceError(grpc.StatusCode.OK, "", "")
