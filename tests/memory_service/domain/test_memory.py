from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.memory import (
    EventTime,
    MemoryType,
    NewMemory,
    Precision,
    Source,
    extracted_id,
    fact_digest,
    stable_id,
)
from tests.support.memories import ALICE, BOB, SHARED, make

FACT = NewMemory("", "Alice likes tea.", MemoryType.SEMANTIC)


@pytest.mark.parametrize(
    "text",
    ["alice LIKES tea", " Alice\tlikes \n tea. ", "Alice likes tea !", "Ａｌｉｃｅ likes tea..."],
)
def test_case_space_and_final_punctuation_do_not_make_another_fact(text: str):
    assert fact_digest(replace(FACT, text=text)) == fact_digest(FACT)


@pytest.mark.parametrize("text", ["Alice likes teas", "Alice likes tea?", "Alicelikes tea", ""])
def test_other_words_make_another_fact(text: str):
    assert fact_digest(replace(FACT, text=text)) != fact_digest(FACT)


def test_another_type_or_time_makes_another_fact():
    monday = replace(FACT, event_time=EventTime(1, Precision.DAY))
    tuesday = replace(FACT, event_time=EventTime(2, Precision.DAY))
    episodic = replace(FACT, type=MemoryType.EPISODIC)
    assert len({fact_digest(each) for each in (FACT, monday, tuesday, episodic)}) == 4


def test_a_day_of_the_calendar_is_the_same_in_every_zone_and_a_minute_is_not():
    berlin = EventTime(1_777_932_000_000_000, Precision.DAY, "Europe/Berlin")  # 5 May 2026
    utc = EventTime(berlin.micros + 2 * 3600 * 10**6, Precision.DAY)
    digests = {fact_digest(replace(FACT, event_time=event)) for event in (berlin, utc)}
    assert len(digests) == 1
    minutes = [replace(each, precision=Precision.MINUTE) for each in (berlin, utc)]
    assert len({fact_digest(replace(FACT, event_time=event)) for event in minutes}) == 2
    plain = replace(minutes[0], zone="")
    assert fact_digest(replace(FACT, event_time=plain)) == fact_digest(
        replace(FACT, event_time=minutes[0])
    )


def test_a_stored_memory_says_the_same_as_the_new_one_it_came_from():
    assert fact_digest(make("1", FACT.text)) == fact_digest(FACT)


@given(st.text(), st.text(alphabet=" \t\n.!"))
def test_the_digest_of_any_text_ignores_what_trails(text: str, trail: str):
    whole = replace(FACT, text=text)
    assert fact_digest(replace(FACT, text=text + trail)) == fact_digest(whole)


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_an_id_is_of_its_parts_and_of_where_they_end(one: list[str], other: list[str]):
    assert (stable_id(one) == stable_id(other)) == (one == other)
    assert len(stable_id(one)) == 26


def test_an_extracted_id_depends_on_owner_source_extractor_and_text():
    source = Source("s", "m", 0, 5)
    ids = {
        extracted_id(ALICE, source, "rules 1", "a"),
        extracted_id(BOB, source, "rules 1", "a"),
        extracted_id(SHARED, source, "rules 1", "a"),
        extracted_id(ALICE, replace(source, start=1), "rules 1", "a"),
        extracted_id(ALICE, replace(source, message_id="n"), "rules 1", "a"),
        extracted_id(ALICE, source, "rules 2", "a"),
        extracted_id(ALICE, source, "rules 1", "b"),
    }
    assert len(ids) == 7
    assert extracted_id(ALICE, Source("s", "m", 0, 5), "rules 1", "a") in ids


def test_the_etag_follows_the_revision():
    memory = make("1")
    assert replace(memory, revision=255).etag == "ff"
    assert memory.etag != replace(memory, revision=2).etag
