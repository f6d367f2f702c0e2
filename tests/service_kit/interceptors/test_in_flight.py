from __future__ import annotations

import pytest

from tests.service_kit.echo_service import KINDS, serving


@pytest.mark.parametrize("method", KINDS)
async def test_a_handler_counts_until_it_has_cleaned_up(method: str):
    async with serving() as running:
        call = running.open(method, "wait")
        await running.echo.waiting.wait()
        assert running.bound.in_flight.running == 1
        call.cancel()
        await running.echo.cancelled.wait()
        assert running.bound.in_flight.running == 1
        await running.bound.in_flight.until_idle()
        assert running.bound.in_flight.running == 0
        assert running.echo.cleaned_up.is_set()
