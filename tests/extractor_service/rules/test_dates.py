"""Relative dates, said on Thursday 25 May 2023 at 13:14."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from extractor_service.domain import EventTime, MemoryType, Precision

from .conftest import Say

YEAR, MONTH, DAY, MINUTE = Precision.YEAR, Precision.MONTH, Precision.DAY, Precision.MINUTE

TABLE: list[tuple[str, str, tuple[int, ...], Precision]] = [
    ("I met Bob yesterday.", "on 24 May 2023", (2023, 5, 24), DAY),
    ("I met Bob today.", "on 25 May 2023", (2023, 5, 25), DAY),
    ("I met Bob last night.", "on the night of 24 May 2023", (2023, 5, 24), DAY),
    ("I met Bob this morning.", "on the morning of 25 May 2023", (2023, 5, 25), DAY),
    ("I met Bob the day before yesterday.", "on 23 May 2023", (2023, 5, 23), DAY),
    ("I met Bob last Saturday.", "on 20 May 2023", (2023, 5, 20), DAY),
    ("I met Bob last Thursday.", "on 18 May 2023", (2023, 5, 18), DAY),
    ("I met Bob last Fri.", "on 19 May 2023", (2023, 5, 19), DAY),
    ("I met Bob on Monday.", "on 22 May 2023", (2023, 5, 22), DAY),
    ("I met Bob two weeks ago.", "around 11 May 2023", (2023, 5, 11), DAY),
    ("I met Bob 3 days ago.", "on 22 May 2023", (2023, 5, 22), DAY),
    ("I met Bob a few days ago.", "around 22 May 2023", (2023, 5, 22), DAY),
    ("I met Bob two months ago.", "in March 2023", (2023, 3, 1), MONTH),
    ("I met Bob ten years ago.", "in 2013", (2013, 1, 1), YEAR),
    ("I met Bob last week.", "in the week of 15 May 2023", (2023, 5, 15), DAY),
    ("I met Bob last weekend.", "on the weekend of 20 May 2023", (2023, 5, 20), DAY),
    ("I met Bob last month.", "in April 2023", (2023, 4, 1), MONTH),
    ("I met Bob last year.", "in 2022", (2022, 1, 1), YEAR),
    ("I met Bob last summer.", "in summer 2022", (2022, 1, 1), YEAR),
    ("I met Bob in June.", "in June 2022", (2022, 6, 1), MONTH),
    ("I met Bob in May.", "in May 2023", (2023, 5, 1), MONTH),
    ("I met Bob in March 2021.", "in March 2021", (2021, 3, 1), MONTH),
    ("I met Bob in 2019.", "in 2019", (2019, 1, 1), YEAR),
    ("I met Bob on 12 June.", "on 12 June 2022", (2022, 6, 12), DAY),
    ("I met Bob on June 12th, 2020.", "on 12 June 2020", (2020, 6, 12), DAY),
    ("I will meet Bob tomorrow.", "on 26 May 2023", (2023, 5, 26), DAY),
    ("I will meet Bob tomorrow at 6pm.", "on 26 May 2023 at 6pm", (2023, 5, 26, 18), MINUTE),
    ("I will meet Bob tomorrow at 9:30.", "on 26 May 2023 at 9:30", (2023, 5, 26, 9, 30), MINUTE),
    ("I will meet Bob tomorrow at noon.", "on 26 May 2023 at noon", (2023, 5, 26, 12), MINUTE),
    ("I will meet Bob on Monday.", "on 29 May 2023", (2023, 5, 29), DAY),
    ("I will meet Bob next Friday.", "on 26 May 2023", (2023, 5, 26), DAY),
    ("I will meet Bob this Friday.", "on 26 May 2023", (2023, 5, 26), DAY),
    ("I will meet Bob this weekend.", "on the weekend of 27 May 2023", (2023, 5, 27), DAY),
    ("I will meet Bob next week.", "in the week of 29 May 2023", (2023, 5, 29), DAY),
    ("I will meet Bob next month.", "in June 2023", (2023, 6, 1), MONTH),
    ("I will meet Bob in May.", "in May 2023", (2023, 5, 1), MONTH),
    ("I will meet Bob in two weeks.", "around 8 June 2023", (2023, 6, 8), DAY),
    ("I will meet Bob on 12 June.", "on 12 June 2023", (2023, 6, 12), DAY),
    ("I will meet Bob next summer.", "in summer 2023", (2023, 1, 1), YEAR),
]


@pytest.mark.parametrize(("text", "words", "start", "precision"), TABLE)
def test_a_relative_date_becomes_a_calendar_date(
    say: Say, text: str, words: str, start: tuple[int, ...], precision: Precision
) -> None:
    (finding,) = say(text)
    year, month, day, hour, minute = (*start, 0, 0)[:5]
    when = datetime(year, month, day, hour, minute, tzinfo=UTC)
    verb = "will meet" if "will" in text else "met"
    assert finding.text == f"Alice {verb} Bob {words}."
    assert finding.event_time == EventTime(when, precision)
    assert finding.type is MemoryType.EPISODIC


WORDED_ONLY = [
    ("I've lived in Berlin for 4 years.", "Alice has lived in Berlin since 2019."),
    ("I have lived in Berlin since 2016.", "Alice has lived in Berlin since 2016."),
    ("I recently adopted a puppy.", "Alice adopted a puppy shortly before 25 May 2023."),
    ("I adopted a puppy the other day.", "Alice adopted a puppy shortly before 25 May 2023."),
    ("I play tennis every Tuesday.", "Alice plays tennis every Tuesday."),
    ("I work Monday to Friday.", "Alice works Monday to Friday."),
    ("My birthday is on 12 June.", "Alice's birthday is on 12 June."),
]


@pytest.mark.parametrize(("text", "expected"), WORDED_ONLY)
def test_a_duration_a_habit_or_a_vague_time_is_no_event_time(
    say: Say, text: str, expected: str
) -> None:
    (finding,) = say(text)
    assert finding.text == expected
    assert finding.event_time is None


def test_a_date_at_the_start_of_the_sentence_is_resolved_too(say: Say) -> None:
    (finding,) = say("Last Saturday I ran a charity race.")
    assert finding.text == "On 20 May 2023 Alice ran a charity race."


def test_a_date_before_its_verb_keeps_its_preposition(say: Say) -> None:
    (finding,) = say("Last Friday, I spent some time at the shelter.")
    assert finding.text == "On 19 May 2023, Alice spent some time at the shelter."


def test_a_date_that_is_an_object_needs_no_preposition(say: Say) -> None:
    (finding,) = say("I spent last weekend in Rome.")
    assert finding.text == "Alice spent the weekend of 20 May 2023 in Rome."


def test_the_day_is_that_of_the_zone_in_which_it_was_said(say: Say) -> None:
    tokyo = timezone(timedelta(hours=9))
    (finding,) = say("I met Bob yesterday.", now=datetime(2023, 5, 26, 1, 0, tzinfo=tokyo))
    assert finding.event_time == EventTime(datetime(2023, 5, 25, tzinfo=tokyo), DAY)


@pytest.mark.parametrize("text", ["I met Bob on 31 June.", "I met Bob 9999 years ago."])
def test_an_impossible_date_is_left_as_it_was_said(say: Say, text: str) -> None:
    (finding,) = say(text)
    assert finding.event_time is None
    assert finding.text == text.replace("I met", "Alice met")


def test_the_first_and_the_last_day_of_the_calendar_do_no_harm(say: Say) -> None:
    assert say("I met Bob last year.", now=datetime.min.replace(tzinfo=UTC))
    assert say("I will meet Bob next year.", now=datetime.max.replace(tzinfo=UTC))
