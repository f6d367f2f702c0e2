from __future__ import annotations

from datetime import timedelta

import grpc
import pytest
from agentmemory.v1 import errors_pb2
from redis.exceptions import ConnectionError as RedisConnectionError

from memory_service.domain import errors
from memory_service.domain.errors import (
    DomainError,
    InvalidField,
    MessageIdReused,
    QuotaExceeded,
    RateExceeded,
)
from memory_service.rpc_errors import DomainErrorsInterceptor, to_service_error
from service_kit.errors import FieldViolation, ServiceError
from service_kit.interceptors.around import Rpc

RPC = Rpc("agentmemory.v1.MemoryService", "AppendMessages", "unary")
SPECIAL = {
    InvalidField: InvalidField("a.b", "is bad"),
    MessageIdReused: MessageIdReused(3),
    QuotaExceeded: QuotaExceeded("memories"),
    RateExceeded: RateExceeded("requests", 0.5),
}
INSIDE = {errors.ExtractionFailed}
"""Ends as a failed range, never as an RPC's error."""


def every_error() -> list[DomainError]:
    kinds = set(DomainError.__subclasses__()) - INSIDE
    return [SPECIAL.get(kind) or kind() for kind in sorted(kinds, key=lambda kind: kind.__name__)]


@pytest.mark.parametrize("error", every_error(), ids=lambda error: type(error).__name__)
def test_every_error_has_a_code_and_a_reason_of_the_contract(error: DomainError):
    found = to_service_error(error)
    assert found.code is not grpc.StatusCode.INTERNAL
    assert f"ERROR_REASON_{found.reason}" in set(errors_pb2.ErrorReason.keys())
    assert found.message


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (errors.InvalidPageToken(), "INVALID_ARGUMENT", "INVALID_PAGE_TOKEN"),
        (errors.SessionNotFound(), "NOT_FOUND", "SESSION_NOT_FOUND"),
        (errors.RequestIdReused(), "ALREADY_EXISTS", "REQUEST_ID_REUSED"),
        (errors.EtagMismatch(), "ABORTED", "ETAG_MISMATCH"),
        (errors.Contention(), "ABORTED", "CONTENTION"),
        (errors.TooManyWaiting(), "RESOURCE_EXHAUSTED", "OVERLOADED"),
        (errors.RevisionNotReached(), "FAILED_PRECONDITION", "REVISION_NOT_REACHED"),
        (errors.StoreUnavailable("x"), "UNAVAILABLE", "STORE_UNAVAILABLE"),
        (errors.SearchTimeout(), "DEADLINE_EXCEEDED", "SEARCH_TIMEOUT"),
        (errors.ExtractorUnavailable(), "UNAVAILABLE", "EXTRACTOR_UNAVAILABLE"),
        (errors.ExtractorTooSlow(8), "UNAVAILABLE", "EXTRACTOR_UNAVAILABLE"),
    ],
)
def test_codes_and_reasons_are_those_that_the_contract_names(error, code: str, reason: str):
    found = to_service_error(error)
    assert (found.code.name, found.reason) == (code, reason)


def test_waiting_is_advised_exactly_where_it_helps():
    advised = {to_service_error(e).reason for e in every_error() if to_service_error(e).retry_after}
    assert advised == {
        "OVERLOADED",
        "QUOTA_EXCEEDED",
        "CONTENTION",
        "REVISION_NOT_REACHED",
        "STORE_UNAVAILABLE",
        "EXTRACTOR_UNAVAILABLE",
    }


def test_fields_at_fault_are_named():
    assert to_service_error(InvalidField("a.b", "is bad")).violations == (
        FieldViolation("a.b", "is bad"),
    )
    (violation,) = to_service_error(MessageIdReused(3)).violations
    assert violation.field == "messages[3].id"


async def around(outcome: object) -> object:
    async def proceed(request: object, context: object) -> object:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    return await DomainErrorsInterceptor().around(RPC, proceed, None, None)


async def test_an_answer_passes():
    assert await around("answer") == "answer"


async def test_redis_being_away_is_unavailable_and_nothing_of_the_cause_is_told():
    with pytest.raises(ServiceError) as caught:
        await around(RedisConnectionError("redis://user:secret@host"))
    assert caught.value.reason == "STORE_UNAVAILABLE"
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


async def test_a_defect_is_not_taken_for_an_error_of_the_domain():
    with pytest.raises(ZeroDivisionError):
        await around(ZeroDivisionError())
    with pytest.raises(ServiceError, match="of the kit"):
        await around(ServiceError(grpc.StatusCode.ABORTED, "CONTENTION", "of the kit"))


def test_a_limit_is_named_and_says_when_to_come_back():
    full = to_service_error(QuotaExceeded("sessions"))
    assert (full.code.name, full.reason) == ("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED")
    assert (full.metadata, full.retry_after) == ({"limit": "sessions"}, timedelta(seconds=60))
    often = to_service_error(RateExceeded("requests", 0.25))
    assert (often.reason, often.metadata) == ("QUOTA_EXCEEDED", {"limit": "requests"})
    assert often.retry_after == timedelta(seconds=0.25)
