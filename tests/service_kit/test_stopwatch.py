"""What took time is told of, and never before what was waited for goes on."""

from __future__ import annotations

import pytest

from service_kit.stopwatch import Stopwatch
from tests.support.waiting import wait_until


async def test_time_is_told_after_what_comes_next():
    told: list[tuple[float, BaseException | None]] = []
    with Stopwatch(lambda seconds, error: told.append((seconds, error))):
        pass
    assert not told
    await wait_until(lambda: bool(told), "it is told")
    ((seconds, error),) = told
    assert seconds >= 0
    assert error is None


async def test_an_error_is_told_and_goes_on():
    told: list[BaseException | None] = []
    with pytest.raises(KeyError), Stopwatch(lambda _, error: told.append(error)):
        raise KeyError
    await wait_until(lambda: bool(told), "it is told")
    assert isinstance(told[0], KeyError)
