from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from extractor_service.domain import EventTime, Precision
from extractor_service.llm.event_times import event_time_of, is_plausible


@pytest.mark.parametrize(
    ("text", "time", "precision"),
    [
        ("2024", datetime(2024, 1, 1), Precision.YEAR),
        ("2024-03", datetime(2024, 3, 1), Precision.MONTH),
        ("2024-03-05", datetime(2024, 3, 5), Precision.DAY),
        (" 2024-03-05T17:30 ", datetime(2024, 3, 5, 17, 30), Precision.MINUTE),
        ("2024-03-05 17:30", datetime(2024, 3, 5, 17, 30), Precision.MINUTE),
        ("2024-03-05T17:30:59.5Z", datetime(2024, 3, 5, 17, 30), Precision.MINUTE),
        ("2024-03-05T17:30+00:00", datetime(2024, 3, 5, 17, 30), Precision.MINUTE),
        ("2024-03-05T17:30+02:00", datetime(2024, 3, 5, 15, 30), Precision.MINUTE),
        ("2024-W10", datetime(2024, 3, 4), Precision.WEEK),
    ],
)
def test_the_form_says_how_much_is_known(text: str, time: datetime, precision: Precision) -> None:
    assert event_time_of(text) == EventTime(time.replace(tzinfo=UTC), precision)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("2026-03-29", "2026-03-28T23:00Z"),
        ("2026-W14", "2026-03-29T22:00Z"),
        ("2026-07", "2026-06-30T22:00Z"),
        ("2026", "2025-12-31T23:00Z"),
    ],
)
def test_a_unit_begins_where_the_calendar_of_the_zone_has_it(text: str, start: str) -> None:
    event = event_time_of(text, ZoneInfo("Europe/Berlin"))
    assert event is not None
    assert event.time.astimezone(UTC) == datetime.fromisoformat(start)


@pytest.mark.parametrize(
    "text",
    ["", "24", "2024-3", "2024-02-30", "2024-03-05T25:00", "2024-W60", "March 2024"],
)
def test_what_is_no_iso_date_is_none(text: str) -> None:
    assert event_time_of(text) is None


@pytest.mark.parametrize(("year", "plausible"), [(1903, False), (1904, True), (2074, True)])
def test_nobody_speaks_of_what_is_too_far_away(year: int, plausible: bool) -> None:
    event = EventTime(datetime(year, 1, 1, tzinfo=UTC), Precision.YEAR)
    assert is_plausible(event, datetime(2024, 5, 1, tzinfo=UTC)) is plausible
