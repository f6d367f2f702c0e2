"""What of a model's answer is kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor_service.domain import (
    Entity,
    EventTime,
    KnownEntity,
    MemoryType,
    Precision,
    Role,
    Source,
    Strategy,
    StrategyKind,
    Turn,
)
from extractor_service.llm.conversation import Chunk
from extractor_service.llm.validation import (
    MAX_PER_MESSAGE,
    Drop,
    Kept,
    allowed,
    valid,
    valid_sentences,
    vocabulary_of,
)
from extractor_service.llm.wording import is_third_person
from tests.support.scripted_llm import memory

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
TALK = Chunk(
    messages=(
        Turn("a", Role.USER, "Ada", "Héllo! I live in Paris since March.", NOON),
        Turn("b", Role.ASSISTANT, "Bot", "I booked a table at Chez Marie.", NOON),
        Turn("c", Role.USER, "Ada", "Emma and I ski in the Alps. She's a nurse.", NOON),
        Turn("d", Role.SYSTEM, "", "Ada is a premium customer in Paris.", NOON),
    ),
    context=(Turn("z", Role.USER, "Ada", "My sister is Emma.", NOON - timedelta(days=1)),),
)
GOOD = memory("Ada lives in Paris.", "I live in Paris")


def kept(*items: Any, kind: StrategyKind = StrategyKind.DISCRETE) -> Kept:
    return valid(items, TALK, Strategy(kind))


def why(*items: Any, kind: StrategyKind = StrategyKind.DISCRETE) -> Drop:
    """Why none of these is kept."""
    got = kept(*items, kind=kind)
    assert got.findings == ()
    [drop] = got.drops
    return drop


def test_a_good_item_becomes_a_memory_with_all_it_says() -> None:
    item = memory(
        " Ada  lives in Paris",
        "I live in Paris",
        event_time="2024-03",
        topics=["Home", " home ", "a" * 65, "two\x00", "Big  move"],
        entities=[
            {"name": "Ada", "kind": "Person"},
            {"name": "Ada", "kind": "thing"},
            {"name": "Paris", "kind": "<place>"},
            {"name": "Emma", "kind": "person"},
        ],
        type="episodic",
    )
    [finding] = kept(item).findings
    assert finding.text == "Ada lives in Paris."
    assert finding.type is MemoryType.EPISODIC
    assert finding.topics == ("home", "big move")
    assert finding.entities == (Entity("Ada", "person"), Entity("Paris", ""))
    assert finding.event_time == EventTime(datetime(2024, 3, 1, tzinfo=UTC), Precision.MONTH)
    assert finding.confidence == 0.9


def test_a_span_is_of_utf_8_bytes_and_of_the_passage_itself() -> None:
    [finding] = kept(memory("Ada lives in Paris.", "“i LIVE in\n Paris…”")).findings
    assert finding.source == Source("a", 8, 23)
    text = TALK.messages[0].text.encode()
    assert text[8:23].decode() == "I live in Paris"


def test_memories_stand_in_the_order_of_their_sources() -> None:
    items = [
        memory("Emma is a nurse.", "She's a nurse", 3),
        memory("Ada skis.", "Emma and I ski", 3),
        GOOD,
    ]
    texts = [finding.text for finding in kept(*items).findings]
    assert texts == ["Ada lives in Paris.", "Ada skis.", "Emma is a nurse."]


@pytest.mark.parametrize(
    ("change", "drop"),
    [
        ({"message": 0}, Drop.MESSAGE),
        ({"message": 5}, Drop.MESSAGE),
        ({"message": -1}, Drop.MESSAGE),
        ({"message": 4, "quote": "Ada is a premium customer"}, Drop.ROLE),
        ({"message": 2, "quote": "I booked a table"}, Drop.ROLE),
        ({"quote": "I live in Lyon"}, Drop.QUOTE),
        ({"quote": ""}, Drop.QUOTE),
        ({"quote": "."}, Drop.QUOTE),
        ({"quote": "My sister is Emma."}, Drop.QUOTE),
        ({"text": ""}, Drop.LENGTH),
        ({"text": "Ada lives in Paris. " * 30}, Drop.LENGTH),
        ({"text": "Paris."}, Drop.NO_STATEMENT),
        ({"text": "Does Ada live in Paris?"}, Drop.NO_STATEMENT),
        ({"text": "Ada lives in \x00 Paris."}, Drop.NO_STATEMENT),
        ({"text": "I live in Paris."}, Drop.NOT_THIRD_PERSON),
        ({"text": "Ada told you that Paris is home."}, Drop.NOT_THIRD_PERSON),
        ({"text": "Ada lives in Paris with Robert."}, Drop.UNKNOWN_NAME),
        ({"text": "Robert lives in Paris."}, Drop.UNKNOWN_NAME),
        ({"text": "The market opened during eighteenth century trading."}, Drop.UNGROUNDED),
        ({"event_time": "last week"}, Drop.DATE),
        ({"event_time": "2024-13"}, Drop.DATE),
        ({"event_time": "1803-01-01"}, Drop.DATE),
        ({"event_time": "2999"}, Drop.DATE),
        ({"confidence": 1.5}, Drop.SCHEMA),
        ({"confidence": float("nan")}, Drop.SCHEMA),
        ({"type": "message"}, Drop.SCHEMA),
        ({"text": None}, Drop.SCHEMA),
        ({"text": "Ada \ud800 lives in Paris."}, Drop.NO_STATEMENT),
        ({"topics": "home"}, Drop.SCHEMA),
    ],
)
def test_a_bad_item_is_dropped_and_counted_and_the_others_are_kept(
    change: dict[str, Any], drop: Drop
) -> None:
    assert why({**GOOD, **change}) is drop
    got = kept({**GOOD, **change}, GOOD)
    assert [finding.text for finding in got.findings] == ["Ada lives in Paris."]
    assert got.drops == Counter({drop: 1})


@pytest.mark.parametrize("item", [None, 1, "Ada lives in Paris.", [], {}, [GOOD]])
def test_what_is_no_item_is_dropped(item: Any) -> None:
    assert why(item) is Drop.SCHEMA


def test_the_same_memory_counts_once() -> None:
    again = memory("ada LIVES in paris.", "since March")
    assert kept(GOOD, again).drops == Counter({Drop.DUPLICATE: 1})


def test_one_message_has_only_so_many_memories() -> None:
    items = [memory(f"Ada lives in Paris {n}.", "Paris") for n in range(MAX_PER_MESSAGE + 2)]
    got = kept(*items, memory("Emma is a nurse.", "She's a nurse", 3))
    assert len(got.findings) == MAX_PER_MESSAGE + 1
    assert got.drops == Counter({Drop.TOO_MANY: 2})


@pytest.mark.parametrize(
    ("kind", "taken"),
    [
        (StrategyKind.DISCRETE, False),
        (StrategyKind.PREFERENCES, False),
        (StrategyKind.CUSTOM, True),
        (StrategyKind.SUMMARY, True),
    ],
)
def test_what_the_assistant_says_counts_where_the_strategy_asks(
    kind: StrategyKind, taken: bool
) -> None:
    item = memory("The assistant booked a table at Chez Marie.", "I booked a table", 2)
    assert bool(kept(item, kind=kind).findings) is taken


@pytest.mark.parametrize("kind", StrategyKind)
def test_nothing_comes_from_the_system(kind: StrategyKind) -> None:
    item = memory("Ada is a premium customer.", "Ada is a premium customer", 4)
    assert why(item, kind=kind) is Drop.ROLE


@pytest.mark.parametrize("time", [None, "", "null", "Unknown"])
def test_an_unknown_date_is_none(time: str | None) -> None:
    [finding] = kept(memory("Ada lives in Paris.", "Paris", event_time=time)).findings
    assert finding.event_time is None


def test_the_messages_own_time_is_no_event_time() -> None:
    item = memory("Ada lives in Paris.", "Paris", event_time="2024-05-01T12:00")
    assert kept(item).findings[0].event_time is None
    item = memory("Ada lives in Paris.", "Paris", event_time="2024-05-01T12:01")
    assert kept(item).findings[0].event_time is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
WORDS = st.sampled_from("Ada Emma I you lives in Paris Alps nurse ski . ? Robert\n".split(" "))
PASSAGES = st.lists(WORDS, max_size=8).map(" ".join)
ITEMS = st.fixed_dictionaries(
    {
        "message": st.integers(-1, 6) | JSON,
        "quote": st.sampled_from(["I live in Paris", "ski", "She's a nurse", "", "é"]) | PASSAGES,
        "text": PASSAGES | st.text(),
        "type": st.sampled_from(["semantic", "episodic"]) | JSON,
        "topics": st.lists(st.text(max_size=70), max_size=12) | JSON,
        "entities": st.lists(st.fixed_dictionaries({"name": WORDS | st.text(), "kind": st.text()})),
        "event_time": st.none() | st.dates().map(str) | st.text(max_size=10),
        "confidence": st.floats(0, 1) | JSON,
    }
)


@given(st.lists(ITEMS | JSON, max_size=12), st.sampled_from(StrategyKind))
def test_whatever_the_model_says_all_that_is_kept_is_valid(
    items: list[Any], kind: StrategyKind
) -> None:
    got = valid(items, TALK, Strategy(kind))
    assert len(got.findings) + got.drops.total() == len(items)
    messages = {turn.id: turn for turn in TALK.messages}
    for finding in got.findings:
        turn = messages[finding.source.message_id]
        assert turn.role in allowed(Strategy(kind)).roles
        passage = turn.text.encode()[finding.source.start : finding.source.end].decode()
        assert any(map(str.isalnum, passage))
        assert 0 < len(finding.text.encode()) <= 8192
        assert is_third_person(finding.text)
        assert "Robert" not in finding.text
        assert 0 <= finding.confidence <= 1
        assert len(finding.topics) <= 32
        assert all(0 < len(topic) <= 256 for topic in finding.topics)
        assert all(entity.name in finding.text for entity in finding.entities)
    assert len({finding.text.casefold() for finding in got.findings}) == len(got.findings)


def test_sentences_are_checked_as_memories_are() -> None:
    said = [
        "Ada lives in Paris",
        "I live in Paris.",
        7,
        "Ada lives in PARIS.",
        "Robert skis.",
        "Emma skis.",
    ]
    kept_sentences, drops = valid_sentences(said, vocabulary_of(TALK), 100)
    assert kept_sentences == ["Ada lives in Paris.", "Emma skis."]
    assert drops == Counter(
        {Drop.NOT_THIRD_PERSON: 1, Drop.SCHEMA: 1, Drop.DUPLICATE: 1, Drop.UNKNOWN_NAME: 1}
    )


WITH_DEEDS = Strategy(include_assistant=True)
BOOKED = memory("The assistant booked Ada a table at Chez Marie.", "I booked a table", 2)


def test_what_the_assistant_did_is_kept_where_it_is_asked_for() -> None:
    assert why(BOOKED) is Drop.ROLE
    [finding] = valid([BOOKED], TALK, WITH_DEEDS).findings
    assert (finding.type, finding.source.message_id) == (MemoryType.EPISODIC, "b")


@pytest.mark.parametrize("text", ["Chez Marie takes bookings.", "Ada booked a table."])
def test_of_what_the_assistant_says_nothing_but_its_deeds_is_kept(text: str) -> None:
    got = valid([memory(text, "I booked a table", 2)], TALK, WITH_DEEDS)
    assert (got.findings, dict(got.drops)) == ((), {Drop.ROLE: 1})


def test_a_name_that_is_known_from_before_need_not_be_said() -> None:
    tom = memory("Ada's husband Tom is in Paris.", "I live in Paris")
    assert why(tom) is Drop.UNKNOWN_NAME
    known = (KnownEntity("Tom", "person", "husband", "Ada"),)
    assert valid([tom], replace(TALK, known=known), Strategy()).findings


def test_a_date_is_of_the_calendar_of_the_message_and_a_week_is_one() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    message = replace(TALK.messages[0], time=NOON.astimezone(berlin))
    items = [
        memory("Ada lives in Paris.", "I live in Paris", event_time="2024-03-05"),
        memory("Ada is in Paris.", "I live in Paris", event_time="2024-W10"),
    ]
    day, week = valid(items, Chunk((message,), ()), Strategy()).findings
    assert day.event_time == EventTime(datetime(2024, 3, 5, tzinfo=berlin), Precision.DAY)
    assert week.event_time == EventTime(datetime(2024, 3, 4, tzinfo=berlin), Precision.WEEK)
