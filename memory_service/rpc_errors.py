"""The domain's errors in the contract's words: a code, a reason, and what the caller may do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from grpc import StatusCode

from memory_service.domain import errors
from memory_service.store.connection import store_errors
from service_kit.errors import FieldViolation, ServiceError
from service_kit.interceptors.around import AroundInterceptor, Context, Proceed, Rpc

SOON = timedelta(seconds=1)
LATER = timedelta(seconds=60)

_TABLE: dict[type[errors.DomainError], tuple[StatusCode, str, str, timedelta | None]] = {
    errors.InvalidPageToken: (
        StatusCode.INVALID_ARGUMENT,
        "INVALID_PAGE_TOKEN",
        "the page token was not made for these arguments",
        None,
    ),
    errors.SessionNotFound: (
        StatusCode.NOT_FOUND,
        "SESSION_NOT_FOUND",
        "there is no such session in this scope",
        None,
    ),
    errors.MemoryNotFound: (
        StatusCode.NOT_FOUND,
        "MEMORY_NOT_FOUND",
        "there is no such memory in this scope",
        None,
    ),
    errors.MemoryExists: (
        StatusCode.ALREADY_EXISTS,
        "MEMORY_EXISTS",
        "another memory in this scope says the same",
        None,
    ),
    errors.RequestIdReused: (
        StatusCode.ALREADY_EXISTS,
        "REQUEST_ID_REUSED",
        "the request_id was used for other arguments",
        None,
    ),
    errors.EtagMismatch: (
        StatusCode.ABORTED,
        "ETAG_MISMATCH",
        "the etag is not the current one: read again",
        None,
    ),
    errors.Contention: (
        StatusCode.ABORTED,
        "CONTENTION",
        "others keep changing the same owner's memories",
        SOON,
    ),
    errors.NotExtracted: (
        StatusCode.ABORTED,
        "CONTENTION",
        "the session got new messages while it was extracted",
        SOON,
    ),
    errors.TooManyWaiting: (
        StatusCode.RESOURCE_EXHAUSTED,
        "OVERLOADED",
        "too many memories of the session wait to be promoted",
        SOON,
    ),
    errors.RevisionNotReached: (
        StatusCode.FAILED_PRECONDITION,
        "REVISION_NOT_REACHED",
        "the owner's revision is below min_revision",
        SOON,
    ),
    errors.RevisionTrimmed: (
        StatusCode.OUT_OF_RANGE,
        "REVISION_TRIMMED",
        "the change feed does not go on from this revision: list, then watch from now",
        None,
    ),
    errors.StoreUnavailable: (
        StatusCode.UNAVAILABLE,
        "STORE_UNAVAILABLE",
        "the store cannot be reached or refuses to work",
        SOON,
    ),
    errors.SearchTimeout: (
        StatusCode.DEADLINE_EXCEEDED,
        "SEARCH_TIMEOUT",
        "the engine ran out of time",
        None,
    ),
    errors.ExtractorUnavailable: (
        StatusCode.UNAVAILABLE,
        "EXTRACTOR_UNAVAILABLE",
        "the extractor cannot be reached",
        SOON,
    ),
    errors.ExtractorTooSlow: (
        StatusCode.UNAVAILABLE,
        "EXTRACTOR_UNAVAILABLE",
        "the extractor did not answer in time",
        SOON,
    ),
}


def to_service_error(error: errors.DomainError) -> ServiceError:
    """Return the error as a caller sees it."""
    if isinstance(error, errors.InvalidField):
        return ServiceError(
            StatusCode.INVALID_ARGUMENT,
            "INVALID_FIELD",
            str(error),
            violations=[FieldViolation(error.path, error.description)],
        )
    if isinstance(error, errors.MessageIdReused):
        return ServiceError(
            StatusCode.ALREADY_EXISTS,
            "MESSAGE_ID_REUSED",
            str(error),
            violations=[
                FieldViolation(f"messages[{error.index}].id", "stands for another message")
            ],
        )
    if isinstance(error, errors.QuotaExceeded | errors.RateExceeded):
        return ServiceError(
            StatusCode.RESOURCE_EXHAUSTED,
            "QUOTA_EXCEEDED",
            str(error),
            retry_after=_when(error),
            metadata={"limit": error.limit},
        )
    code, reason, message, retry_after = _TABLE[type(error)]
    return ServiceError(code, reason, message, retry_after=retry_after)


def _when(error: errors.QuotaExceeded | errors.RateExceeded) -> timedelta:
    """Return when to come back; what is full may have room by then, but nobody can know."""
    if isinstance(error, errors.RateExceeded):
        return timedelta(seconds=error.seconds)
    return LATER


class DomainErrorsInterceptor(AroundInterceptor):
    """Turns what the domain raises into what the kit sends."""

    async def around(self, rpc: Rpc, proceed: Proceed, request: Any, context: Context) -> Any:
        """Handle one RPC."""
        try:
            with store_errors():
                return await proceed(request, context)
        except errors.DomainError as error:
            # From None: nothing of the cause may travel along.
            raise to_service_error(error) from None
