from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from service_kit.time_zones import LONGEST_NAME, in_zone, name_of, start_of_unit, zone_of

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "hours"),
    [
        ("", 0),
        ("UTC", 0),
        ("Europe/Berlin", 2),
        ("America/New_York", -4),
        ("Asia/Kolkata", 5.5),
        ("+05:30", 5.5),
        ("-14:00", -14),
        ("+00:00", 0),
    ],
)
def test_a_zone_has_a_name_or_is_an_offset(name: str, hours: float) -> None:
    zone = zone_of(name)
    assert zone is not None
    assert NOON.astimezone(zone).utcoffset() == timedelta(hours=hours)
    assert NOON.astimezone(zone_of(name_of(zone))).utcoffset() == timedelta(hours=hours)


@pytest.mark.parametrize(
    "name",
    [
        "Mars/Olympus", "europe/berlin", "../Europe/Berlin", "/etc/localtime", "localtime",
        "right/UTC", "Europe", "+5:30", "+14:01", "-15:00", "+05:60", "UTC+1", "+0530", " UTC",
        "\0", "٠٥", "+٠٥:٣٠",
    ],
)  # fmt: skip
def test_anything_else_is_none(name: str) -> None:
    assert zone_of(name) is None


def test_a_name_that_is_too_long_for_any_is_not_kept() -> None:
    name = "x" * (LONGEST_NAME + 1)
    before = sys.getrefcount(name)
    assert zone_of(name) is None
    assert sys.getrefcount(name) == before
    assert max(map(len, available_timezones())) <= LONGEST_NAME


def test_the_names_of_zones_come_back() -> None:
    assert [name_of(zone_of(name)) for name in ("Europe/Berlin", "+05:30", "-03:30", "")] == [
        "Europe/Berlin", "+05:30", "-03:30", "",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["Pacific/Kiritimati", "Pacific/Honolulu"])
def test_the_ends_of_the_calendar_do_no_harm(name: str) -> None:
    for end in (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        assert in_zone(end, name) == end


@pytest.mark.parametrize(
    ("moment", "zone", "unit", "start"),
    [
        ("2026-05-05T15:30:07.5Z", "", "day", "2026-05-05T00:00Z"),
        ("2026-05-05T15:30Z", "", "week", "2026-05-04T00:00Z"),
        ("2026-05-05T15:30Z", "", "month", "2026-05-01T00:00Z"),
        ("2026-05-05T15:30Z", "", "year", "2026-01-01T00:00Z"),
        ("2026-05-05T15:30:07.5Z", "", "minute", "2026-05-05T15:30:07.5Z"),
        ("2026-05-04T22:00Z", "Europe/Berlin", "day", "2026-05-04T22:00Z"),
        ("2026-05-05T22:30Z", "+05:30", "day", "2026-05-05T18:30Z"),
        ("2026-01-01T02:00Z", "America/New_York", "year", "2025-01-01T05:00Z"),
        # Clocks have gone on, and back, since the unit began.
        ("2026-03-29T12:00Z", "Europe/Berlin", "day", "2026-03-28T23:00Z"),
        ("2026-10-25T12:00Z", "Europe/Berlin", "day", "2026-10-24T22:00Z"),
        ("2026-10-25T12:00Z", "Europe/Berlin", "week", "2026-10-18T22:00Z"),
        ("2026-07-01T12:00Z", "Europe/Berlin", "year", "2025-12-31T23:00Z"),
        # Where clocks go on at midnight the day begins at 1; where they go back to it, once.
        ("2026-09-06T12:00Z", "America/Santiago", "day", "2026-09-06T04:00Z"),
        ("2026-11-01T05:30Z", "America/Havana", "day", "2026-11-01T04:00Z"),
        # A day that the calendar of Samoa has not.
        ("2011-12-30T12:00Z", "Pacific/Apia", "week", "2011-12-26T10:00Z"),
    ],
)
def test_a_unit_of_the_calendar_begins_where_its_zone_has_it(
    moment: str, zone: str, unit: str, start: str
) -> None:
    found = start_of_unit(in_zone(datetime.fromisoformat(moment), zone), unit)
    assert found.astimezone(UTC) == datetime.fromisoformat(start)
    again = start_of_unit(in_zone(found.astimezone(UTC), zone), unit)
    assert again.astimezone(UTC) == datetime.fromisoformat(start)


@pytest.mark.parametrize("unit", ["day", "week", "month", "year"])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Honolulu", "+05:30"])
def test_the_first_unit_of_the_calendar_has_a_start(zone: str, unit: str) -> None:
    first = datetime.min.replace(tzinfo=UTC)
    for hours in range(30):
        moment = in_zone(first + timedelta(hours=hours), zone)
        assert first <= start_of_unit(moment, unit).astimezone(UTC) <= moment


def test_zones_are_known_without_those_of_the_operating_system() -> None:
    asked = "from service_kit.time_zones import zone_of; print(zone_of('Europe/Berlin').key)"
    ran = subprocess.run(
        [sys.executable, "-c", asked],
        env={"PYTHONTZPATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "Europe/Berlin\n"
    assert isinstance(zone_of("Europe/Berlin"), ZoneInfo)
