"""Turns what a handler raises into a status that tells the caller what it may know."""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import Any

import grpc
import grpc.aio
from google.rpc import status_pb2
from grpc_status import rpc_status

from service_kit.errors import ServiceError, to_status
from service_kit.interceptors.around import AroundInterceptor, Context, Proceed, Rpc
from service_kit.safe_traceback import exception_name, safe_traceback

_log = logging.getLogger(__name__)

_ABORT_SECONDS = 2.0


class ErrorsInterceptor(AroundInterceptor):
    """ServiceError becomes its status; any other exception INTERNAL, with an id to find it by."""

    async def around(self, rpc: Rpc, proceed: Proceed, request: Any, context: Context) -> Any:
        """Handle one RPC."""
        try:
            return await proceed(request, context)
        except grpc.aio.BaseError:  # an abort, or a broken connection: grpc sees to its own
            raise
        except asyncio.CancelledError as error:
            if _is_being_cancelled():
                raise
            # A cancelled part of the handler's own work. Let through, grpc would take it for the
            # end of the RPC and never answer.
            status = _internal(rpc, error)
        except ServiceError as error:
            status = to_status(error)
        except Exception as error:
            status = _unimplemented(error, context) or _internal(rpc, error)
        # Outside of the handlers, or the abort would carry the exception along as its context.
        return await _abort(context, status)


async def _abort(context: Context, status: status_pb2.Status) -> None:
    """End the RPC; for grpc the status is sent when all before it has been read, even if never."""
    try:
        async with asyncio.timeout(_ABORT_SECONDS):
            await context.abort_with_status(rpc_status.to_status(status))
    except TimeoutError:
        # Nobody reads. What is to be sent waits in grpc; the handler need not.
        raise asyncio.CancelledError from None


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _unimplemented(error: Exception, context: Context) -> status_pb2.Status | None:
    if not isinstance(error, NotImplementedError):
        return None
    if context.code() is not grpc.StatusCode.UNIMPLEMENTED:
        return None
    return to_status(
        ServiceError(
            grpc.StatusCode.UNIMPLEMENTED,
            "NOT_IMPLEMENTED",
            "this method is declared but not served by this version",
        )
    )


def _internal(rpc: Rpc, error: BaseException) -> status_pb2.Status:
    error_id = secrets.token_hex(8)
    _log.error(
        "unhandled exception in an RPC",
        extra={
            "error_id": error_id,
            "grpc_service": rpc.service,
            "grpc_method": rpc.method,
            "exception": exception_name(error),
            "traceback": safe_traceback(error),
        },
    )
    return to_status(
        ServiceError(
            grpc.StatusCode.INTERNAL,
            "INTERNAL",
            "internal error",
            metadata={"error_id": error_id},
        )
    )
