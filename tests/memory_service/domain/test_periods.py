from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.periods import MAX_PERIODS, Period, periods_in


def micros(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, 12, tzinfo=UTC).timestamp()) * 1_000_000


NOW = micros(2026, 6, 10)  # a Wednesday


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        ("What did Ann do in May 2023?", (2023, 5, 1), (2023, 5, 31)),
        ("Where was she on 7 May 2023?", (2023, 5, 7), (2023, 5, 7)),
        ("Where was she on May 7th, 2023?", (2023, 5, 7), (2023, 5, 7)),
        ("the 3rd of march 2024", (2024, 3, 3), (2024, 3, 3)),
        ("What happened in 2022?", (2022, 1, 1), (2022, 12, 31)),
        ("What did he cook yesterday?", (2026, 6, 9), (2026, 6, 9)),
        ("What is on today?", (2026, 6, 10), (2026, 6, 10)),
        ("What did we say this week?", (2026, 6, 8), (2026, 6, 10)),
        ("What did we say last week?", (2026, 6, 1), (2026, 6, 7)),
        ("Where did I go last month?", (2026, 5, 1), (2026, 5, 31)),
        ("Where did I go past year?", (2025, 1, 1), (2025, 12, 31)),
    ],
)
def test_a_period_is_read_from_a_query(
    query: str, first: tuple[int, int, int], last: tuple[int, int, int]
):
    assert periods_in(query, NOW) == (Period(date(*first), date(*last)),)


@pytest.mark.parametrize("query", ["in May", "on 29 February", "on December 31"])
def test_without_a_year_it_is_of_every_year(query: str):
    (period,) = periods_in(query, NOW)
    assert period.every_year


@pytest.mark.parametrize(
    "query",
    [
        "May I ask what she likes?",
        "What may he want?",
        "What is her favourite number, 7?",
        "Did they march in the parade, 12 of them, on 31 February?",
        "room 2023",
        "",
    ],
)
def test_what_names_no_time_has_no_period(query: str):
    assert [p for p in periods_in(query, NOW) if not p.every_year or p.first.month != 3] == []


def test_closeness_is_1_within_and_fades_by_the_week_outside():
    may = Period(date(2023, 5, 1), date(2023, 5, 31))
    assert may.closeness(micros(2023, 5, 1)) == may.closeness(micros(2023, 5, 31)) == 1
    assert may.closeness(micros(2023, 6, 7)) == pytest.approx(0.3679, abs=1e-4)
    assert may.closeness(micros(2024, 5, 15)) < 1e-9


def test_a_month_of_every_year_is_near_at_both_ends_of_a_year():
    (december,) = periods_in("in December", NOW)
    assert december.closeness(micros(2021, 12, 24)) == 1
    assert december.closeness(micros(2022, 1, 3)) == pytest.approx(2.718281828 ** (-3 / 7))


def test_a_period_counts_once_however_often_it_is_named():
    assert periods_in("x May " * 5461, NOW) == periods_in("x May", NOW)
    years = [Period(date(year, 1, 1), date(year, 12, 31)) for year in (2022, 2025)]
    assert periods_in("in 2022, in 2025, last year, in 2022", NOW) == tuple(years)


def test_the_first_periods_count_and_no_more():
    days = [f"on {day} {month} 2023" for month in ("March", "June") for day in range(1, 31)]
    periods = [period for day in days for period in periods_in(day, NOW)]
    assert periods_in(" and ".join(days), NOW) == tuple(periods[:MAX_PERIODS])


@given(st.integers(-(2**63), 2**63 - 1))
def test_any_time_has_a_closeness(time: int):
    for query in ("in May", "on 29 February", "in 2023", "last week"):
        for period in periods_in(query, NOW):
            assert 0 <= period.closeness(time) <= 1


@given(st.text())
def test_any_query_can_be_read(query: str):
    assert isinstance(periods_in(query, NOW), tuple)
