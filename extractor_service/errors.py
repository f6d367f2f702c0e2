"""What the extractor's failures are to its callers. None of it holds a text, an id or a name."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Mapping
from datetime import timedelta

from grpc import StatusCode

from extractor_service.batcher import NotServing
from extractor_service.embed_queue import EmbeddingFailed, QueueFull
from extractor_service.worker import RulesFailed, RulesQueueFull
from service_kit.errors import FieldViolation, ServiceError
from service_kit.safe_traceback import exception_name, safe_traceback

logger = logging.getLogger(__name__)

_OF_THE_MACHINE = (MemoryError, OSError)


def invalid(*violations: FieldViolation) -> ServiceError:
    """A request with fields at fault."""
    return ServiceError(
        StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", "invalid fields", violations=violations
    )


def extraction_failed(
    message: str,
    violations: Iterable[FieldViolation] = (),
    metadata: Mapping[str, str] | None = None,
) -> ServiceError:
    """The one error that counts against the input: it cannot be worked on, now or later."""
    return ServiceError(
        StatusCode.INVALID_ARGUMENT,
        "EXTRACTION_FAILED",
        message,
        violations=violations,
        metadata=metadata,
    )


def overloaded(message: str, retry_after: timedelta) -> ServiceError:
    """There is too much to do."""
    return ServiceError(
        StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", message, retry_after=retry_after
    )


def unavailable(retry_after: timedelta) -> ServiceError:
    """Not warm yet, stopping, or broken: another replica may answer, or this one later."""
    return ServiceError(
        StatusCode.UNAVAILABLE,
        "EXTRACTOR_UNAVAILABLE",
        "the extractor is starting, stopping or out of order",
        retry_after=retry_after,
    )


def reranker_missing() -> ServiceError:
    """There is no reranker here, and there will be none while this process lives."""
    return ServiceError(
        StatusCode.FAILED_PRECONDITION,
        "RERANKER_MISSING",
        "the extractor was started without a reranker",
    )


def too_late() -> ServiceError:
    """It cannot be done in the time that the caller gives."""
    return ServiceError(
        StatusCode.DEADLINE_EXCEEDED, "SEARCH_TIMEOUT", "too little time is left to rerank"
    )


def known(error: Exception, retry_after: timedelta) -> ServiceError | None:
    """What a caller is told of an exception; None for one that nobody foresaw."""
    match error:
        case ServiceError():
            return error
        case RulesFailed(index=index):
            violation = FieldViolation(f"messages[{index}]", "cannot be extracted from")
            return extraction_failed("the rules fail on a message", [violation])
        case EmbeddingFailed():
            return extraction_failed("the embedding model fails on this input")
        case RulesQueueFull() | QueueFull():
            return overloaded("too much waits already", retry_after)
        case NotServing():
            return unavailable(retry_after)
        case _:
            return None


def unforeseen(error: Exception) -> ServiceError:
    """A defect of ours, for where no interceptor would catch it: logged, and told by its id.

    The same input would bring it out again, so it counts against the input: else that would be
    sent for ever, and keep back what comes after it. Unless the machine is in trouble.
    """
    error_id = secrets.token_hex(8)
    logger.error(
        "unforeseen exception",
        extra={
            "error_id": error_id,
            "exception": exception_name(error),
            "traceback": safe_traceback(error),
        },
    )
    told = {"error_id": error_id}
    if isinstance(error, _OF_THE_MACHINE):
        return ServiceError(StatusCode.INTERNAL, "INTERNAL", "internal error", metadata=told)
    return extraction_failed("a defect of the extractor", metadata=told)
