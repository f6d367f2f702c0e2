"""Relative dates, said on Thursday 25 May 2023 at 13:14."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest

from extractor_service.domain import EventTime, MemoryType, Precision

from .conftest import Say

YEAR, MONTH, WEEK = Precision.YEAR, Precision.MONTH, Precision.WEEK
DAY, MINUTE = Precision.DAY, Precision.MINUTE

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
    ("I met Bob two weeks ago.", "around 11 May 2023", (2023, 5, 8), WEEK),
    ("I met Bob 3 days ago.", "on 22 May 2023", (2023, 5, 22), DAY),
    ("I met Bob a few days ago.", "around 22 May 2023", (2023, 5, 22), DAY),
    ("I met Bob two months ago.", "in March 2023", (2023, 3, 1), MONTH),
    ("I met Bob ten years ago.", "in 2013", (2013, 1, 1), YEAR),
    ("I met Bob last week.", "in the week of 15 May 2023", (2023, 5, 15), WEEK),
    ("I met Bob the week of 10 May.", "in the week of 8 May 2023", (2023, 5, 8), WEEK),
    ("I met Bob in the week of May 10th.", "in the week of 8 May 2023", (2023, 5, 8), WEEK),
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
    ("I will meet Bob next week.", "in the week of 29 May 2023", (2023, 5, 29), WEEK),
    ("I will meet Bob next month.", "in June 2023", (2023, 6, 1), MONTH),
    ("I will meet Bob in May.", "in May 2023", (2023, 5, 1), MONTH),
    ("I will meet Bob in two weeks.", "around 8 June 2023", (2023, 6, 5), WEEK),
    ("I will meet Bob on 12 June.", "on 12 June 2023", (2023, 6, 12), DAY),
    ("I will meet Bob on 28 June this year.", "on 28 June 2023", (2023, 6, 28), DAY),
    ("I will meet Bob in June next year.", "in June 2024", (2024, 6, 1), MONTH),
    ("I met Bob in February last year.", "in February 2022", (2022, 2, 1), MONTH),
    ("I met Bob in February of last year.", "in February 2022", (2022, 2, 1), MONTH),
    ("I met Bob on February 5 last year.", "on 5 February 2022", (2022, 2, 5), DAY),
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


# A past tense looks back, whichever verb the date hangs on and however the verb is spelled.
LOOKING_BACK = [
    ("I stopped eating sugar in August.",
     "Alice stopped eating sugar in August 2022.", (2022, 8, 1)),
    ("I stopped smoking and drinking on Friday.",
     "Alice stopped smoking and drinking on 19 May 2023.", (2023, 5, 19)),
    ("I quit smoking on 3 July.", "Alice quit smoking on 3 July 2022.", (2022, 7, 3)),
    ("I hurt my back on Tuesday.", "Alice hurt Alice's back on 23 May 2023.", (2023, 5, 23)),
    ("I hurt my elbow on Monday, so I need a rest.",
     "Alice hurt Alice's elbow on 22 May 2023, so Alice needs a rest.", (2023, 5, 22)),
    ("I cut my hair on Friday.", "Alice cut Alice's hair on 19 May 2023.", (2023, 5, 19)),
    ("I read a novel on Sunday.", "Alice read a novel on 21 May 2023.", (2023, 5, 21)),
    ("I put the house on the market in October.",
     "Alice put the house on the market in October 2022.", (2022, 10, 1)),
    ("I set up a bakery in September.", "Alice set up a bakery in September 2022.", (2022, 9, 1)),
    ("Been to Rome in August.", "Alice has been to Rome in August 2022.", (2022, 8, 1)),
    ("I signed up yesterday.", "Alice signed up on 24 May 2023.", (2023, 5, 24)),
    ("We ate out last night.", "Alice ate out on the night of 24 May 2023.", (2023, 5, 24)),
]  # fmt: skip

# What was arranged lies ahead of the arranging.
LOOKING_AHEAD = [
    ("I booked a ferry to Oslo for 8 August.",
     "Alice booked a ferry to Oslo for 8 August 2023.", (2023, 8, 8)),
    ("I've booked a table for Saturday.",
     "Alice has booked a table for 27 May 2023.", (2023, 5, 27)),
    ("I bought a ticket for Friday.", "Alice bought a ticket for 26 May 2023.", (2023, 5, 26)),
    ("I reserved a cabin for September.",
     "Alice reserved a cabin for September 2023.", (2023, 9, 1)),
    ("I made an appointment on 9 July.", "Alice made an appointment on 9 July 2023.", (2023, 7, 9)),
    ("I decided to move to Oslo in July.",
     "Alice decided to move to Oslo in July 2023.", (2023, 7, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected", "start"), LOOKING_BACK + LOOKING_AHEAD)
def test_a_bare_date_is_on_the_side_of_today_that_the_sentence_looks_to(
    say: Say, text: str, expected: str, start: tuple[int, int, int]
) -> None:
    (finding,) = [found for found in say(text) if found.event_time is not None]
    assert finding.text == expected
    assert finding.event_time is not None
    assert finding.event_time.time == datetime(*start, tzinfo=UTC)
    assert finding.type is MemoryType.EPISODIC


IN_JANUARY = datetime(2026, 1, 10, 12, tzinfo=UTC)

# What was ordered is past, whatever is told of it; what is wanted or planned is not.
BARE_PARTICIPLES = [
    ("I have a lamp ordered on Jan 3rd.", (2026, 1, 3)),
    ("My lamp, ordered on Jan 3rd, is broken.", (2026, 1, 3)),
    ("My desk is broken, bought on 12 December.", (2025, 12, 12)),
    ("Ordered on Jan 3rd.", (2026, 1, 3)),
    ("I will return the lamp bought on Jan 3rd.", (2026, 1, 3)),
    ("I want the lamp sent on Jan 3rd.", (2027, 1, 3)),
    ("I need my lamp sent on 12 December.", (2026, 12, 12)),
    ("My flight booked for Jan 3rd is a long one.", (2027, 1, 3)),
    ("My desk will be repaired, shipped on 12 December.", (2026, 12, 12)),
    ("I have a party planned on 12 December.", (2026, 12, 12)),
    ("I have a lamp to be ordered on 12 December.", (2026, 12, 12)),
]


@pytest.mark.parametrize(("text", "start"), BARE_PARTICIPLES)
def test_what_was_ordered_on_a_day_was_ordered_in_the_past(
    say: Say, text: str, start: tuple[int, int, int]
) -> None:
    (finding,) = say(text, now=IN_JANUARY)
    assert finding.event_time == EventTime(datetime(*start, tzinfo=UTC), DAY)


# Said on 25 May. The day to which something is moved is ahead, that of the moving is over.
MOVED = [
    ("The release slipped to June 15.", "Alice says the release slipped to 15 June 2023."),
    ("My wedding was shifted to June 15.", "Alice's wedding was shifted to 15 June 2023."),
    ("We changed the date of the wedding to June 15.",
     "Alice changed the date of the wedding to 15 June 2023."),
    ("My sister's wedding got extended until June 15.",
     "Alice's sister's wedding got extended until 15 June 2023."),
    ("My deadline moved again, now June 15.", "Alice's deadline moved again, on 15 June 2023."),
    ("My deadline moved on June 15.", "Alice's deadline moved on 15 June 2022."),
    ("I slipped on the ice on June 15.", "Alice slipped on the ice on 15 June 2022."),
    ("We changed the date of the wedding on June 15.",
     "Alice changed the date of the wedding on 15 June 2022."),
    ("I ran from June 3 to June 15.", "Alice ran from 3 to 15 June 2022."),
    ("I walked to work on June 15.", "Alice walked to work on 15 June 2022."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MOVED)
def test_the_day_to_which_something_is_moved_lies_ahead(say: Say, text: str, expected: str) -> None:
    (finding,) = say(text)
    assert finding.text == expected


# Said on Thursday 25 May: what is told of a day's run in the past tells of a day that is over.
VERBS_FOR_NOUNS = [
    ("My invoices run on Monday went fine.", (2023, 5, 22)),
    ("Running with my sister on Monday made me tired.", (2023, 5, 22)),
    ("What I run on Monday was planned with my sister.", (2023, 5, 29)),
    ("Running with my sister on Monday makes me tired.", (2023, 5, 29)),
    ("To run with my sister on Monday was my plan.", (2023, 5, 29)),
]


@pytest.mark.parametrize(("text", "start"), VERBS_FOR_NOUNS)
def test_a_verb_that_is_the_subject_of_another_has_the_tense_of_that(
    say: Say, text: str, start: tuple[int, int, int]
) -> None:
    (finding,) = say(text)
    assert finding.event_time == EventTime(datetime(*start, tzinfo=UTC), DAY)


# Said on Thursday 25 May 2023; Easter was on 9 April, and is on 31 March in 2024.
FEASTS = [
    ("I broke my ankle on easter monday.",
     "Alice broke Alice's ankle on 10 April 2023.", (2023, 4, 10)),
    ("I'm visiting my parents on Easter Monday.",
     "Alice is visiting Alice's parents on 1 April 2024.", (2024, 4, 1)),
    ("I met Bob on Good Friday.", "Alice met Bob on 7 April 2023.", (2023, 4, 7)),
    ("I will meet Bob on Whit Monday.", "Alice will meet Bob on 29 May 2023.", (2023, 5, 29)),
    ("I will meet Bob on Easter Sunday.", "Alice will meet Bob on 31 March 2024.", (2024, 3, 31)),
    ("I met Bob on Monday.", "Alice met Bob on 22 May 2023.", (2023, 5, 22)),
    ("I will meet Bob at Easter on Monday.",
     "Alice will meet Bob at Easter on 29 May 2023.", (2023, 5, 29)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected", "start"), FEASTS)
def test_a_feast_is_no_plain_day_of_the_week(
    say: Say, text: str, expected: str, start: tuple[int, int, int]
) -> None:
    (finding,) = say(text)
    assert finding.text == expected
    assert finding.event_time == EventTime(datetime(*start, tzinfo=UTC), DAY)


NO_CERTAIN_DAY = [
    ("I will meet Bob on Black Friday.", "Alice will meet Bob on Black Friday."),
    ("I will marry Bob on a Saturday.", "Alice will marry Bob on a Saturday."),
    ("My birthday party is on a Saturday.", "Alice's birthday party is on a Saturday."),
    ("I met Bob on a rainy Saturday.", "Alice met Bob on a rainy Saturday."),
    ("I met Bob one Saturday.", "Alice met Bob one Saturday."),
]


@pytest.mark.parametrize(("text", "expected"), NO_CERTAIN_DAY)
def test_a_day_of_the_week_that_is_none_in_particular_stays_as_said(
    say: Say, text: str, expected: str
) -> None:
    (finding,) = say(text)
    assert finding.text == expected
    assert finding.event_time is None


# What is said not to be the day is left out, with what else only answers another.
DENIED = [
    ("not today, I'm taking Monday off work", "Alice is taking 29 May 2023 off work.", 29),
    ("Not on Monday, I'm flying to Rome on Tuesday.",
     "Alice is flying to Rome on 30 May 2023.", 30),
    ("No, not tomorrow, I'm flying to Rome on Tuesday.",
     "Alice is flying to Rome on 30 May 2023.", 30),
    ("Today I'm flying to Rome.", "On 25 May 2023 Alice is flying to Rome.", 25),
    ("I'm flying to Rome on Tuesday, not on Monday.",
     "Alice is flying to Rome on 30 May 2023, not on 29 May 2023.", 30),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected", "day"), DENIED)
def test_a_day_that_is_denied_is_not_when_it_happens(
    say: Say, text: str, expected: str, day: int
) -> None:
    (finding,) = say(text)
    assert finding.text == expected
    assert finding.event_time == EventTime(datetime(2023, 5, day, tzinfo=UTC), DAY)


# Said on Thursday 25 May 2023, in the spelling of a chat.
SPELLED_CARELESSLY = [
    ("the fix has to ship because my talk is on the 9th of march",
     "The fix has to ship because Alice's talk is on 9 March 2024."),
    ("My invoices run is on the 9th of march", "Alice's invoices run is on 9 March 2024."),
    ("I have an appointment on 1st may", "Alice has an appointment on 1 May 2024."),
    ("I'm on vacation till may 15", "Alice is on vacation till 15 May 2024."),
    ("I was on vacation till may 15", "Alice was on vacation till 15 May 2023."),
    ("our trip is aug 25 to sept 4", "Alice's trip is 25 August to 4 September 2023."),
    ("I'm in Lisbon from aug 25 to sept 4.",
     "Alice is in Lisbon from 25 August to 4 September 2023."),
    ("my laptop is slow since yesterdays update",
     "Alice's laptop is slow since 24 May 2023's update."),
    ("I liked todays lunch with my sister",
     "Alice liked 25 May 2023's lunch with Alice's sister."),
    ("I bought 20 cakes because 15 may be eaten by my sister.",
     "Alice bought 20 cakes because 15 may be eaten by Alice's sister."),
    ("My brothers eat nuts because they march 20 miles to work.",
     "Alice's brothers eat nuts because they march 20 miles to work."),
    ("I march 20 miles to work.", "Alice marches 20 miles to work."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SPELLED_CARELESSLY)
def test_a_date_is_found_however_carelessly_it_is_spelled(
    say: Say, text: str, expected: str
) -> None:
    assert [finding.text for finding in say(text)] == [expected]


# Said on Thursday 25 May 2023.
DAYS_ALONE = [
    ("My sister Anna is on vacation till the 20th.",
     "Alice's sister Anna is on vacation till 20 June 2023."),
    ("My talk is on the 27th.", "Alice's talk is on 27 May 2023."),
    ("My slides are due on the 10th.", "Alice's slides are due on 10 June 2023."),
    ("I was in Rome on the 2nd.", "Alice was in Rome on 2 May 2023."),
    ("I was in Rome on the 27th.", "Alice was in Rome on 27 April 2023."),
    ("I have to finish my thesis by the 31st.",
     "Alice has to finish Alice's thesis by 31 May 2023."),
    ("I'm in Galway from the 17th to the 19th.",
     "Alice is in Galway from 17 to 19 June 2023."),
    ("I was in Galway from the 17th to the 19th.",
     "Alice was in Galway from 17 to 19 May 2023."),
    ("I'm in Galway from the 24th till the 26th.",
     "Alice is in Galway from 24 to 26 May 2023."),
    ("My party's in Galway from the 17th to the 19th, Emma planned it.",
     "Alice's party is in Galway from 17 to 19 June 2023, Emma planned it."),
    # no day, or one that nobody knows
    ("I live on the 3rd floor.", "Alice lives on the 3rd floor."),
    ("I live on the 3rd.", "Alice lives on the 3rd."),
    ("I'm reading the 2nd of the two books.", "Alice is reading the 2nd of the two books."),
    ("I took the 22nd.", "Alice took the 22nd."),
    ("My rent is due on the 1st.", "Alice's rent is due on the 1st."),
    ("My dad's birthday is on the 6th.", "Alice's dad's birthday is on the 6th."),
    ("I'm in Galway on the 17th and the 19th.", "Alice is in Galway on the 17th and the 19th."),
    ("I'm in Galway from the 28th to the 3rd.", "Alice is in Galway from the 28th to the 3rd."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), DAYS_ALONE)
def test_a_day_without_its_month_is_the_nearest_one_where_no_other_month_is_meant(
    say: Say, text: str, expected: str
) -> None:
    assert [finding.text for finding in say(text)] == [expected]


SPOKEN_OF = [
    ("We may march.", "on 10 June 2023"),
    ("The talk is on 18 June.", "on 10 June 2023"),
    ("The talk is in August.", "on the 10th"),
    ("The talk is on the 18th of may.", "on the 10th"),
    ("What about next month?", "on the 10th"),
]


@pytest.mark.parametrize(("before", "day"), SPOKEN_OF)
def test_a_day_may_be_of_the_month_that_was_spoken_of_before(
    say: Say, before: str, day: str
) -> None:
    (finding,) = say("My slides are due on the 10th.", ("Bob", before))
    assert finding.text == f"Alice's slides are due {day}."
    (*_, finding) = say(f"{before} My slides are due on the 10th.")
    assert finding.text == f"Alice's slides are due {day}."


def test_an_appointment_that_one_had_is_over(say: Say) -> None:
    (finding,) = say("I had an appointment on Monday.")
    assert finding.text == "Alice had an appointment on 22 May 2023."


IN_JUNE = datetime(2025, 6, 30, 12, tzinfo=UTC)

# A range is known by the day it begins; what is taken for one lies ahead, unless that is far off.
RANGES = [
    ("We rented a cottage on Rügen from 14 to 28 July.",
     "Zdenka rented a cottage on Rügen from 14 to 28 July 2025.", (2025, 7, 14)),
    ("We booked a cottage from 14 to 28 May.",
     "Zdenka booked a cottage from 14 to 28 May 2026.", (2026, 5, 14)),
    ("We rented a cottage on Rügen from 14 to 28 May.",
     "Zdenka rented a cottage on Rügen from 14 to 28 May 2025.", (2025, 5, 14)),
    ("We stayed in Oslo from 14 to 28 July.",
     "Zdenka stayed in Oslo from 14 to 28 July 2024.", (2024, 7, 14)),
    ("I'm in Lisbon from 3 to 9 August.",
     "Zdenka is in Lisbon from 3 to 9 August 2025.", (2025, 8, 3)),
    ("I'm in Lisbon from August 3 to 9.",
     "Zdenka is in Lisbon from 3 to 9 August 2025.", (2025, 8, 3)),
    ("I'm in Lisbon 3-9 August.", "Zdenka is in Lisbon 3 to 9 August 2025.", (2025, 8, 3)),
    ("We'll be in Lisbon from the 22nd to the 29th of December.",
     "Zdenka will be in Lisbon from 22 to 29 December 2025.", (2025, 12, 22)),
    ("We're away 22 to 29 December.",
     "Zdenka is away from 22 to 29 December 2025.", (2025, 12, 22)),
    ("I'm in Lisbon from 27 June to 4 July.",
     "Zdenka is in Lisbon from 27 June to 4 July 2025.", (2025, 6, 27)),
    ("I'm in Lisbon from 28 December to 3 January.",
     "Zdenka is in Lisbon from 28 December 2025 to 3 January 2026.", (2025, 12, 28)),
]  # fmt: skip

# A ticket is bought for what is to come.
TICKETS = [
    ("I bought a ticket for the concert on 12 September.",
     "Zdenka bought a ticket for the concert on 12 September 2025.", (2025, 9, 12)),
    ("I bought tickets for the opera on 5 August.",
     "Zdenka bought tickets for the opera on 5 August 2025.", (2025, 8, 5)),
    ("I bought a bike for the triathlon on 12 September.",
     "Zdenka bought a bike for the triathlon on 12 September 2024.", (2024, 9, 12)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected", "start"), RANGES + TICKETS)
def test_a_range_begins_on_its_first_day_and_a_ticket_is_for_what_is_to_come(
    say: Say, text: str, expected: str, start: tuple[int, int, int]
) -> None:
    (finding,) = say(text, speaker="Zdenka", now=IN_JUNE)
    assert finding.text == expected
    assert finding.event_time == EventTime(datetime(*start, tzinfo=UTC), DAY)


@pytest.mark.parametrize(
    "text",
    ["My bassoon is a Heckel from 1974.", "I own a piano from 1920.", "My flat is from 1920."],
)
def test_the_year_of_make_of_a_thing_is_no_event_time(say: Say, text: str) -> None:
    (finding,) = say(text)
    assert finding.text == text.replace("My", "Alice's").replace("I own", "Alice owns")
    assert finding.event_time is None


def test_who_was_born_is_not_whoever_tells_it_nor_yet_to_be_born(say: Say) -> None:
    said = datetime(2025, 9, 14, tzinfo=UTC)
    told = "The baby is here! Born on 27 August, a boy, 3,620 grams."
    assert not [found for found in say(told, now=said) if "born" in found.text]
    (finding,) = say("My nephew Otto, born on 27 November, is a redhead.", now=said)
    assert finding.text == "Alice's nephew Otto, born on 27 November 2024 is a redhead."


WORDED_ONLY = [
    ("I've lived in Berlin for 4 years.", "Alice has lived in Berlin since 2019."),
    ("I have lived in Berlin since 2016.", "Alice has lived in Berlin since 2016."),
    ("I recently adopted a puppy.", "Alice adopted a puppy shortly before 25 May 2023."),
    ("I adopted a puppy the other day.", "Alice adopted a puppy shortly before 25 May 2023."),
    ("I play tennis every Tuesday.", "Alice plays tennis every Tuesday."),
    ("I put the bins out every Monday.", "Alice puts the bins out every Monday."),
    ("I always read on Sunday.", "Alice always reads on Sunday."),
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


BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
MIDNIGHT = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)  # Sunday the 29th, the day clocks go on
SANTIAGO = ZoneInfo("America/Santiago")
SKIPPED = datetime(2026, 9, 6, 15, 45, 30, tzinfo=UTC)  # Sunday, clocks go on at 4:00 UTC
LATE = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # Sunday, clocks go back at 1:00 UTC

IN_ZONES = [
    (MIDNIGHT, BERLIN, "I met Bob yesterday.", "2026-03-28T00:00+01:00", DAY),
    (MIDNIGHT, NEW_YORK, "I met Bob yesterday.", "2026-03-27T00:00-04:00", DAY),
    (MIDNIGHT, UTC, "I met Bob today.", "2026-03-28T00:00+00:00", DAY),
    (MIDNIGHT, BERLIN, "I met Bob today.", "2026-03-29T00:00+01:00", DAY),
    # The day is one of 23 hours: it begins in winter time, and tomorrow in summer time.
    (MIDNIGHT, BERLIN, "I will meet Bob tonight at 9.", "2026-03-29T21:00+02:00", MINUTE),
    (MIDNIGHT, BERLIN, "I will meet Bob tomorrow.", "2026-03-30T00:00+02:00", DAY),
    (MIDNIGHT, BERLIN, "I will meet Bob next week.", "2026-03-30T00:00+02:00", WEEK),
    (MIDNIGHT, BERLIN, "I met Bob this week.", "2026-03-23T00:00+01:00", WEEK),
    # What no clock shows is taken as it would be without the change.
    (MIDNIGHT, BERLIN, "I will call Bob today at 2:30.", "2026-03-29T02:30+01:00", MINUTE),
    (LATE, BERLIN, "I will meet Bob today at noon.", "2026-10-25T12:00+01:00", MINUTE),
    (LATE, BERLIN, "I met Bob yesterday evening.", "2026-10-24T00:00+02:00", DAY),
    (LATE, NEW_YORK, "I met Bob this month.", "2026-10-01T00:00-04:00", MONTH),
    # Where clocks go on at midnight, the day begins at 1.
    (SKIPPED, SANTIAGO, "I met Bob today.", "2026-09-06T01:00-03:00", DAY),
    (SKIPPED, SANTIAGO, "I met Bob this year.", "2026-01-01T00:00-03:00", YEAR),
]


@pytest.mark.parametrize(("said", "zone", "text", "start", "precision"), IN_ZONES)
def test_days_and_hours_are_those_of_the_zone(
    say: Say, said: datetime, zone: tzinfo, text: str, start: str, precision: Precision
) -> None:
    (finding,) = say(text, now=said.astimezone(zone))
    assert finding.event_time is not None
    assert finding.event_time.precision is precision
    assert finding.event_time.time.astimezone(UTC) == datetime.fromisoformat(start)


AT = [
    ("I will meet Bob tonight at 9.", "on the evening of 25 May 2023 at 21:00", (21, 0)),
    ("I will meet Bob tomorrow at 9.", "on 26 May 2023 at 9:00", (9, 0)),
    ("I will meet Bob tomorrow at three.", "on 26 May 2023 at 15:00", (15, 0)),
    ("I will meet Bob for dinner tomorrow at 8.", "for dinner on 26 May 2023 at 20:00", (20, 0)),
    ("I will meet Bob tomorrow at 12.", "on 26 May 2023 at 12:00", (12, 0)),
]


@pytest.mark.parametrize(("text", "words", "clock"), AT)
def test_a_bare_hour_is_of_the_half_of_the_day_that_is_meant(
    say: Say, text: str, words: str, clock: tuple[int, int]
) -> None:
    (finding,) = say(text)
    assert finding.text == f"Alice will meet Bob {words}."
    assert finding.event_time is not None
    assert (finding.event_time.time.hour, finding.event_time.time.minute) == clock


@pytest.mark.parametrize(
    "text",
    ["I moved to 9 Baker Street yesterday.", "I met Bob yesterday at 9 different places.",
     "I will meet Bob tonight at 2.", "I met Bob at 9 or at 10 yesterday."],
)  # fmt: skip
def test_what_is_no_hour_or_may_be_another_is_left(say: Say, text: str) -> None:
    (finding,) = say(text)
    assert finding.event_time is not None
    assert finding.event_time.precision is DAY
    assert ":" not in finding.text


@pytest.mark.parametrize("text", ["I met Bob on 31 June.", "I met Bob 9999 years ago."])
def test_an_impossible_date_is_left_as_it_was_said(say: Say, text: str) -> None:
    (finding,) = say(text)
    assert finding.event_time is None
    assert finding.text == text.replace("I met", "Alice met")


def test_the_first_and_the_last_day_of_the_calendar_do_no_harm(say: Say) -> None:
    assert say("I met Bob last year.", now=datetime.min.replace(tzinfo=UTC))
    assert say("I will meet Bob next year.", now=datetime.max.replace(tzinfo=UTC))
