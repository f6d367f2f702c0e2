from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from service_kit.time_zones import LONGEST_NAME, in_zone, name_of, zone_of

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
