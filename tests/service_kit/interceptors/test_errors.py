from __future__ import annotations

import logging

import grpc
import pytest

from service_kit.errors import FieldViolation, read_error
from service_kit.interceptors import ErrorsInterceptor
from tests.service_kit.echo_service import KINDS, MARKER, Running, serving

every_kind = pytest.mark.parametrize("method", KINDS)


@pytest.fixture
async def running():
    async with serving([ErrorsInterceptor()]) as running:
        yield running


@every_kind
async def test_a_handler_that_succeeds_is_left_alone(running: Running, method: str):
    expected = ["echo", "hello"] if "Server" in method else ["hello"]
    assert await running.call(method, "hello") == expected


@every_kind
async def test_a_service_error_reaches_the_caller_with_its_details(running: Running, method: str):
    error = await running.error(method, "refuse")
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.details() == "the word is not liked"
    read = read_error(error)
    assert read.reason == "INVALID_FIELD"
    assert read.violations == (FieldViolation("word", "should be another"),)


@pytest.mark.parametrize("method", ["ServerStream", "ServerStreamWriter"])
async def test_what_a_stream_sent_before_its_error_arrives(running: Running, method: str):
    call = running.open(method, "refuse")
    assert (await call.read()).value == "echo"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()
    assert read_error(caught.value).reason == "INVALID_FIELD"


@every_kind
async def test_any_other_exception_is_internal_and_hides_its_text_everywhere(
    running: Running, method: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture
):
    caplog.set_level(logging.DEBUG)
    error = await running.error(method, "break")

    assert error.code() is grpc.StatusCode.INTERNAL
    read = read_error(error)
    assert (read.reason, read.message) == ("INTERNAL", "internal error")
    (record,) = [each for each in caplog.records if hasattr(each, "error_id")]
    assert record.error_id == read.metadata["error_id"]
    assert len(record.error_id) == 16
    assert record.exception == "builtins.RuntimeError"
    assert "echo_service.py" in record.traceback
    assert "_obey" in record.traceback
    assert record.exc_info is None

    output = capfd.readouterr()
    everything = [caplog.text, *(str(vars(each)) for each in caplog.records), *output]
    everything += [str(error), repr(error.trailing_metadata())]
    assert not [text for text in everything if MARKER in text]


async def test_each_internal_error_has_an_id_of_its_own(running: Running):
    ids = {read_error(await running.error("Unary", "break")).metadata["error_id"] for _ in range(3)}
    assert len(ids) == 3


@every_kind
async def test_an_abort_by_the_handler_passes(
    running: Running, method: str, caplog: pytest.LogCaptureFixture
):
    error = await running.error(method, "abort")
    assert (error.code(), error.details()) == (grpc.StatusCode.DATA_LOSS, "said by the handler")
    assert not caplog.records


@pytest.mark.parametrize("method", ["NotServed", "NotServedStream"])
async def test_a_method_that_is_only_declared_is_unimplemented(
    running: Running, method: str, caplog: pytest.LogCaptureFixture
):
    error = await running.error(method, "hello")
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    assert read_error(error).reason == "NOT_IMPLEMENTED"
    assert not caplog.records


@every_kind
async def test_a_caller_who_leaves_cancels_the_handler_without_an_error(
    running: Running, method: str, caplog: pytest.LogCaptureFixture
):
    call = running.open(method, "wait")
    await running.echo.waiting.wait()
    call.cancel()
    await running.echo.cancelled.wait()
    await running.bound.in_flight.until_idle()
    assert not caplog.records


@every_kind
async def test_a_passed_deadline_cancels_the_handler_without_an_error(
    running: Running, method: str, caplog: pytest.LogCaptureFixture
):
    error = await running.error(method, "wait", seconds=0.2)
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await running.echo.cancelled.wait()
    await running.bound.in_flight.until_idle()
    assert not caplog.records


@every_kind
async def test_cancelled_work_of_the_handlers_own_is_an_internal_error(
    running: Running, method: str
):
    error = await running.error(method, "cancel-own-work")
    assert error.code() is grpc.StatusCode.INTERNAL


async def test_an_unhandled_exception_leaves_the_server_serving(running: Running):
    await running.error("Unary", "break")
    assert await running.call("Unary", "hello") == ["hello"]
