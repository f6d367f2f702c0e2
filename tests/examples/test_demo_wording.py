from __future__ import annotations

from datetime import UTC, datetime

import pytest
from agentmemory.v1 import memory_pb2

from examples.demo import wording
from examples.demo.locomo import Conversation, Session, Turn
from examples.demo.play import batches
from examples.demo.stopwatch import Stopwatch, percentile

MOMENT = datetime(2023, 5, 8, 13, 56, tzinfo=UTC)


def said(turn_id: str, text: str) -> Turn:
    return Turn(turn_id, "Ada", text, MOMENT)


def conversation_of(*turns: Turn) -> Conversation:
    return Conversation("talk", ("Ada",), (Session("session_1", MOMENT, turns),), ())


def memory_from(message_id: str, start: int = 0, end: int = 0) -> memory_pb2.Memory:
    source = memory_pb2.Source(session_id="session_1", message_id=message_id, start=start, end=end)
    return memory_pb2.Memory(text=f"from {message_id} at {start}", sources=[source])


def quoted(text: str, start: int = 0, end: int = 0) -> str:
    turns = wording.turns_by_source(conversation_of(said("D1:1", text)))
    return wording.quotation(memory_from("D1:1", start, end).sources[0], turns)


@pytest.mark.parametrize(
    ("precision", "words"),
    [
        (memory_pb2.TIME_PRECISION_YEAR, "2023"),
        (memory_pb2.TIME_PRECISION_MONTH, "May 2023"),
        (memory_pb2.TIME_PRECISION_DAY, "8 May 2023"),
        (memory_pb2.TIME_PRECISION_MINUTE, "8 May 2023 13:56"),
        (memory_pb2.TIME_PRECISION_UNSPECIFIED, "8 May 2023 13:56"),
    ],
)
def test_a_date_says_as_much_as_is_known(precision: memory_pb2.TimePrecision.ValueType, words: str):
    memory = memory_pb2.Memory(event_time=memory_pb2.EventTime(precision=precision))
    memory.event_time.time.FromDatetime(MOMENT)
    assert wording.event_date(memory) == words


def test_a_memory_without_an_event_time_has_no_date():
    assert wording.event_date(memory_pb2.Memory()) == ""


def test_a_quotation_counts_in_bytes_of_utf8():
    text = "Café Müller is lovely. I go there daily."
    start = len("Café Müller is lovely. ".encode())
    assert quoted(text, start, len(text.encode())) == "D1:1 “I go there daily.”"


def test_a_source_without_a_span_quotes_the_whole_message():
    assert quoted("I live in Rome.") == "D1:1 “I live in Rome.”"


def test_a_long_quotation_is_cut_between_words():
    quote = quoted("word " * 40)
    assert quote.endswith("word …”")
    assert len(quote) < 90


def test_a_source_that_is_not_in_the_conversation_is_named_only():
    source = memory_pb2.Source(session_id="elsewhere", message_id="D7:1")
    assert wording.quotation(source, {}) == "D7:1"


def test_a_span_outside_the_message_quotes_nothing():
    assert quoted("Hi.", 10, 20) == "D1:1"


def test_memories_are_sorted_by_the_passage_they_come_from():
    turns = wording.turns_by_source(conversation_of(said("D1:1", "a b"), said("D1:2", "c")))
    unsorted = [
        memory_pb2.Memory(text="from nowhere"),
        memory_from("D1:2"),
        memory_from("D1:1", 2, 3),
        memory_from("D1:1", 0, 1),
    ]
    ordered = wording.in_order_of_saying(unsorted, turns)
    assert [memory.text for memory in ordered] == [
        "from D1:1 at 0",
        "from D1:1 at 2",
        "from D1:2 at 0",
        "from nowhere",
    ]


def test_details_name_type_topics_and_entities_and_leave_out_what_is_missing():
    memory = memory_pb2.Memory(
        type=memory_pb2.MEMORY_TYPE_EPISODIC,
        topics=["work", "travel"],
        entities=[memory_pb2.Entity(name="Ada", kind="person"), memory_pb2.Entity(name="X")],
    )
    assert wording.details(memory) == (
        "episodic · topics: work, travel · entities: Ada (person), X"
    )
    bare = memory_pb2.Memory(type=memory_pb2.MEMORY_TYPE_SEMANTIC)
    assert wording.details(bare) == "semantic"


def test_the_verdict_names_the_hit_that_comes_from_each_turn():
    hits = [memory_pb2.SearchHit(memory=memory_from(message)) for message in ("D1:3", "D1:1")]
    verdict = wording.evidence_verdict(["D1:1", "D1:9"], hits)
    assert verdict == "D1:1 is hit 2, D1:9 is not in the top 2"
    assert wording.evidence_verdict(["D1:1"], []) == "D1:1 is not found"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.00123, "1.23 ms"), (0.0456, "45.6 ms"), (0.9, "900 ms"), (1.5, "1.50 s"), (75, "75.0 s")],
)
def test_durations_have_three_digits(seconds: float, words: str):
    assert wording.duration(seconds) == words


def test_a_percentile_is_one_of_the_values():
    values = [float(value) for value in range(100, 0, -1)]
    assert percentile(values, 50) == 50
    assert percentile(values, 99) == 99
    assert percentile([7.0], 99) == 7


def test_a_stopwatch_keeps_each_call_of_each_step_but_not_failed_ones():
    stopwatch = Stopwatch()
    for step in ("append", "flush", "append"):
        with stopwatch.time(step):
            pass
    with pytest.raises(ValueError, match="broken"), stopwatch.time("flush"):
        raise ValueError("broken")
    assert {step: len(laps) for step, laps in stopwatch.laps.items()} == {"append": 2, "flush": 1}


def test_batches_hold_every_turn_once_in_order_and_at_most_four_a_time():
    turns = [said(f"D1:{number}", "Hi") for number in range(1, 13)]
    cut = list(batches(turns))
    assert [len(batch) for batch in cut] == [1, 2, 3, 4, 1, 1]
    assert [turn for batch in cut for turn in batch] == turns
