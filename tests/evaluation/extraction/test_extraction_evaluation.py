"""The evaluation of extraction on a conversation that is small enough to check by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from spacy.language import Language

from extractor_service.hashing import HashingEmbedder
from extractor_service.rules import RULES_VERSION
from extractor_service.rules.parse import load
from tests.evaluation.extraction import baselines, by_service, checks
from tests.evaluation.extraction.__main__ import main
from tests.evaluation.extraction.corpus import (
    Conversation,
    CorpusError,
    Fact,
    read_locomo,
    read_texts,
)
from tests.evaluation.extraction.memories import Memory, Passage
from tests.evaluation.extraction.score import Vectoriser, match, share

SAID = [
    ("Alice", "Hi Bob! I moved to Oslo last week."),
    ("Bob", "Great! Do you like it there?"),
    ("Alice", "I love the old harbour. See you!"),
]
DATASET = [
    {
        "sample_id": "small",
        "conversation": {
            "session_1_date_time": "1:14 pm on 25 May, 2023",
            "session_1": [
                {"speaker": name, "dia_id": f"D1:{n}", "text": text}
                for n, (name, text) in enumerate(SAID, 1)
            ],
        },
        "observation": {
            "session_1_observation": {
                "Alice": [
                    ["Alice moved to Oslo.", "D1:1"],
                    ["Alice loves the old harbour.", ["D1:3", "D9:9"]],
                ]
            }
        },
    }
]
TEXTS = [{"id": "one", "text": "I prefer tea to coffee."}]
LABELS = [{"id": "one", "memories": [{"type": "preference", "content": "Prefers tea to coffee."}]}]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    path = tmp_path / "locomo.json"
    path.write_text(json.dumps(DATASET))
    return path


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    path = tmp_path / "gold.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in TEXTS))
    labels = tmp_path / "gold_labels.jsonl"
    labels.write_text("".join(json.dumps(line) + "\n" for line in LABELS))
    return path


@pytest.fixture
def small(dataset: Path) -> Conversation:
    (conversation,) = read_locomo(dataset)
    return conversation


@pytest.fixture(scope="module")
def nlp() -> Language:
    return load()


def test_a_conversation_has_its_turns_and_the_facts_of_turns_that_exist(
    small: Conversation,
) -> None:
    assert [(turn.speaker, turn.text) for turn in small.turns] == SAID
    assert small.turns[0].time == datetime(2023, 5, 25, 13, 14, tzinfo=UTC)
    assert small.facts == (
        Fact(0, "Alice moved to Oslo."),
        Fact(2, "Alice loves the old harbour."),
    )


def test_a_text_is_a_conversation_of_one_turn(gold: Path) -> None:
    (one,) = read_texts(gold, gold.with_name("gold_labels.jsonl"))
    assert [turn.text for turn in one.turns] == ["I prefer tea to coffee."]
    assert one.facts == (Fact(0, "Prefers tea to coffee."),)


@pytest.mark.parametrize("content", ["", "{}x", '[{"sample_id": 1}]', '{"a": 1}'])
def test_a_file_of_another_shape_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(CorpusError):
        read_locomo(path)


def test_a_fact_is_found_in_its_own_turn_or_one_beside_it(small: Conversation) -> None:
    vectoriser = Vectoriser(HashingEmbedder())
    said = "Alice moved to Oslo."
    beside = match(small.facts[:1], [Memory(said, 1)], vectoriser)
    away = match(small.facts[:1], [Memory(said, 2)], vectoriser)
    assert share(beside.facts, 0.99) == share(beside.memories, 0.99) == 1
    assert share(away.facts, 0) == share(away.memories, 0) == 0


def test_a_memory_of_several_turns_is_beside_each_of_them(small: Conversation) -> None:
    vectoriser = Vectoriser(HashingEmbedder())
    merged = Memory("Alice loves the old harbour.", 0, 0, 2, others=(Passage(2, 0, 26),))
    assert share(match(small.facts[1:], [merged], vectoriser).facts, 0.99) == 1
    assert checks.has_valid_span(merged, small)
    broken = replace(merged, others=(Passage(2, 0, 999),))
    assert not checks.has_valid_span(broken, small)


def test_a_picture_is_told_by_its_caption_where_captions_are_wanted(
    dataset: Path, tmp_path: Path
) -> None:
    told = json.loads(dataset.read_text())
    told[0]["conversation"]["session_1"][0]["blip_caption"] = "a photo of a fjord"
    path = tmp_path / "captions.json"
    path.write_text(json.dumps(told))
    (plain,), (captioned,) = read_locomo(path), read_locomo(path, captions=True)
    assert plain.turns[0].text == SAID[0][1]
    assert captioned.turns[0].text == f"{SAID[0][1]} [shares a photo: a photo of a fjord]"
    assert captioned.turns[1:] == plain.turns[1:]


def test_nothing_is_found_where_nothing_is_remembered(small: Conversation) -> None:
    found = match(small.facts, [], Vectoriser(HashingEmbedder()))
    assert share(found.facts, 0.6) == 0
    assert share(found.memories, 0.6) is None


PRONOUNS = [
    ("Alice moved to Oslo.", False),
    ("Alice bought a car and it is red.", False),
    ("It is good to rest.", False),
    ("I moved to Oslo.", True),
    ("Alice likes your car.", True),
    ("It is red.", True),
    ("Alice likes it.", True),
    ("She moved to Oslo.", True),
    ("This is lovely.", True),
]


@pytest.mark.parametrize(("text", "bad"), PRONOUNS)
def test_a_pronoun_that_the_memory_does_not_explain_is_seen(
    small: Conversation, nlp: Language, text: str, bad: bool
) -> None:
    assert checks.unresolved([Memory(text, 0)], small, nlp) == [bad]


def test_a_span_is_some_words_of_the_turn_cut_between_characters(small: Conversation) -> None:
    words = Memory("x", 0, 8, 34)
    assert checks.has_valid_span(words, small)
    for bad in [(8, 8), (-1, 4), (8, 999), (2, 3), (None, None)]:
        assert not checks.has_valid_span(replace(words, start=bad[0], end=bad[1]), small)


def test_dates_are_measured_against_the_session(small: Conversation) -> None:
    told = small.turns[0].time
    memories = [
        Memory("x", 0, event_time=told - timedelta(days=7)),
        Memory("x", 0, event_time=told + timedelta(days=800)),
        Memory("x", 0),
    ]
    days = checks.days_off(memories, small)
    assert days == [7, 800]
    assert checks.share_within_a_year(days) == 0.5
    assert checks.share_within_a_year([]) is None


def test_the_baselines_keep_as_many_sentences_as_they_may(small: Conversation) -> None:
    longest = [memory.text for memory in baselines.longest_sentences(small)]
    assert longest == [
        "Alice: I moved to Oslo last week.",
        "Bob: Great!",
        "Alice: I love the old harbour.",
    ]
    drawn = baselines.random_sentences(small)
    assert len(drawn) == 3
    assert drawn == baselines.random_sentences(small)


def test_the_command_prints_and_writes_every_way_on_every_corpus(
    dataset: Path, gold: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "result.json"
    status = main(["--dataset", str(dataset), "--gold", str(gold), "--out", str(out)])
    printed = capsys.readouterr().out
    assert status == 0
    document: dict[str, Any] = json.loads(out.read_text())
    ways = ["rules", "random sentences", "longest sentence"]
    assert [(row["way"], row["conversation"]) for row in document["corpora"]["conversations"]] == [
        (way, name) for way in ways for name in ("small", "all")
    ]
    assert [row["way"] for row in document["corpora"]["texts"]] == ways
    rules = document["corpora"]["conversations"][0]
    assert rules["recall_06"] == rules["recall_07"] == rules["precision_06"] == 1
    assert rules["memories_per_turn"] == pytest.approx(2 / 3)
    assert rules["valid_span"] == 1
    assert rules["unresolved_pronoun"] == 0
    assert rules["dated"] == 0.5
    assert all(way in printed for way in ways)
    assert "Alice loves the old harbour." in printed


def test_the_service_is_measured_as_the_rules_are(
    dataset: Path, gold: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "result.json"
    status = by_service.main(["--dataset", str(dataset), "--gold", str(gold), "--out", str(out)])
    printed = capsys.readouterr().out
    assert status == 0
    document: dict[str, Any] = json.loads(out.read_text())
    ways = ["service", "random sentences", "longest sentence"]
    rows = document["corpora"]["conversations"]
    assert [(row["way"], row["conversation"]) for row in rows] == [
        (way, name) for way in ways for name in ("small", "all")
    ]
    service = rows[0]
    assert service["recall_07"] == service["precision_06"] == service["valid_span"] == 1
    assert service["memories"] == 2
    assert service["turns_per_second"] > 0
    assert document["corpora"]["texts"][0]["way"] == "service"
    assert RULES_VERSION in document["extractor"]
    assert "Alice loves the old harbour." in printed


def test_a_missing_file_is_one_line_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (main, by_service.main):
        assert command(["--dataset", str(tmp_path / "none.json")]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
