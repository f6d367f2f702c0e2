"""When an endpoint is asked again, and when it is left alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from extractor_service.llm.breaker import Breaker
from extractor_service.llm.client import seconds_of
from extractor_service.llm.failures import Failure, LlmFailed
from extractor_service.llm.retrying import TRIES, pause


def test_failures_in_a_row_bring_a_pause() -> None:
    breaker = Breaker(failures=2, pause=10)
    breaker.failed(0)
    assert breaker.admits(0)
    breaker.failed(1)
    assert breaker.skipping
    assert not breaker.admits(10.9)
    assert breaker.admits(11)


def test_after_a_pause_one_call_at_a_time_tries() -> None:
    breaker = Breaker(failures=1, pause=10)
    breaker.failed(0)
    assert [breaker.admits(now) for now in (10, 10.1, 19.9, 20)] == [True, False, False, True]
    breaker.succeeded()
    assert [breaker.admits(now) for now in (20, 20.1)] == [True, True]


def test_a_success_forgets_the_failures_before() -> None:
    breaker = Breaker(failures=2, pause=10)
    for _ in range(3):
        breaker.failed(0)
        breaker.succeeded()
    assert not breaker.skipping


def test_pauses_double_and_are_spread() -> None:
    error = LlmFailed(Failure.SERVER_ERROR)
    assert [pause(error, tries, 0) for tries in (1, 2)] == [0.25, 0.5]
    assert pause(error, 1, 1) == 0.125
    assert pause(error, TRIES, 0) is None


def test_a_server_that_says_when_to_come_back_is_obeyed() -> None:
    assert pause(LlmFailed(Failure.OVERLOADED, retry_after=7), 1, 0) == 7
    assert pause(LlmFailed(Failure.OVERLOADED, retry_after=0), 1, 0) == 0.25


@pytest.mark.parametrize(
    "failure", [Failure.TIMEOUT, Failure.REFUSED, Failure.MALFORMED, Failure.BAD_REPLY]
)
def test_what_will_not_get_better_is_not_tried_again(failure: Failure) -> None:
    assert pause(LlmFailed(failure), 1, 0) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3.0),
        (" 3 ", 3.0),
        ("Wed, 01 May 2024 12:00:30 GMT", 30.0),
        ("Wed, 01 May 2024 11:00:00 GMT", 0.0),
        ("", None),
        ("-1", None),
        ("soon", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, seconds: float | None) -> None:
    assert seconds_of(header, datetime(2024, 5, 1, 12, tzinfo=UTC)) == seconds
