"""Which of two event times is later, as far as they are known."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.event_times import order
from memory_service.domain.memory import EventTime, Precision

YEAR, MONTH, WEEK = Precision.YEAR, Precision.MONTH, Precision.WEEK
DAY, MINUTE = Precision.DAY, Precision.MINUTE
FIRST, LAST = -62_135_596_800_000_000, 253_402_300_799_999_999

Written = tuple[str, Precision] | tuple[str, Precision, str]

events = st.builds(
    EventTime,
    st.integers(FIRST, LAST),
    st.sampled_from(Precision),
    st.sampled_from(["", "Europe/Berlin", "Pacific/Kiritimati", "-12:00"]),
)


def event(written: Written) -> EventTime:
    time, precision, *zone = written
    moment = datetime.fromisoformat(time)
    return EventTime(
        round(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 10**6), precision, *zone
    )


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (("2026-05-11", WEEK), ("2026-05-04", WEEK), 1),
        (("2026-05-04", WEEK), ("2026-05-04", WEEK), 0),
        # The week of 4 May has ended by the 11th, and the 10th is in it.
        (("2026-05-04", WEEK), ("2026-05-10", DAY), 0),
        (("2026-05-04", WEEK), ("2026-05-11", DAY), -1),
        (("2026-05-04", WEEK), ("2026-05-03T23:59", MINUTE), 1),
        # A week is of both months that it is in, and of both years.
        (("2026-06-29", WEEK), ("2026-06-01", MONTH), 0),
        (("2026-06-29", WEEK), ("2026-07-01", MONTH), 0),
        (("2026-06-29", WEEK), ("2026-05-01", MONTH), 1),
        (("2025-12-29", WEEK), ("2026-01-01", YEAR), 0),
        # A day is one of the calendar, a minute a moment.
        (("2026-05-04T22:00+00:00", DAY, "Europe/Berlin"), ("2026-05-05", DAY), 0),
        (("2026-05-05T10:00+00:00", DAY, "Pacific/Honolulu"), ("2026-05-05", DAY), 0),
        (("2026-05-04T22:00+00:00", MINUTE, "Europe/Berlin"), ("2026-05-04T22:00", MINUTE), 0),
        (("2026-05-04T22:30+00:00", MINUTE, "Europe/Berlin"), ("2026-05-04", DAY), 1),
        (("2026-05-04T22:30+00:00", MINUTE, "Europe/Berlin"), ("2026-05-05", DAY), 0),
    ],
)
def test_one_is_later_if_it_begins_when_the_other_is_over(
    one: Written, other: Written, expected: int
) -> None:
    assert order(event(one), event(other)) == expected
    assert order(event(other), event(one)) == -expected


@given(events, events)
def test_the_order_of_any_two_is_one_and_the_opposite_of_the_other(
    one: EventTime, other: EventTime
) -> None:
    assert order(one, other) == -order(other, one)
    assert order(one, one) == 0
