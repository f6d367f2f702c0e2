"""The evaluation of retrieval on conversations that are small enough to check by hand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from agentmemory.v1 import memory_pb2

from tests.evaluation.retrieval.__main__ import main
from tests.evaluation.retrieval.asking import turns_of
from tests.evaluation.retrieval.corpus import CorpusError, Question, session_date
from tests.evaluation.retrieval.metrics import Hit
from tests.evaluation.retrieval.own_data import read

EXAMPLE = Path(__file__).with_name("example.jsonl")
LOCOMO = [
    {
        "sample_id": "small",
        "conversation": {
            "session_1_date_time": "1:14 pm on 25 May, 2023",
            "session_1": [
                {"speaker": "Alice", "dia_id": "D1:1", "text": "I moved to Oslo."},
                {
                    "speaker": "Bob",
                    "dia_id": "D1:2",
                    "text": "Look!",
                    "blip_caption": "a photo of a fjord",
                    "query": "fjord",
                },
            ],
            "session_2_date_time": "9:00 am on 1 June, 2023",
            "session_2": [{"speaker": "Alice", "dia_id": "D2:1", "text": "Hello again."}],
            "session_3_date_time": "9:00 am on 2 June, 2023",
            "session_3": [],
        },
        "qa": [
            {"question": "Where?", "evidence": ["D1:1; D2:1"], "category": 1},
            {"question": "When?", "evidence": ["D9:9"], "category": 2},
            {"question": "Why?", "evidence": ["D1:2", "D9:9"], "category": 5},
        ],
    }
]


@dataclass(frozen=True)
class Ran:
    status: int
    document: dict[str, Any]
    picture: bytes


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The whole command on the example: a stack starts, with its models."""
    out = tmp_path_factory.mktemp("evaluation") / "new" / "result.json"
    published = out.parents[1] / "published.json"
    published.write_text(json.dumps([{"model": f"m{n}", "ndcg_at_10": 10.0 * n} for n in range(9)]))
    arguments = ["--dataset", EXAMPLE, "--out", out, "--published", published, "--as", "facts"]
    status = main([str(each) for each in arguments])
    return Ran(status, json.loads(out.read_text()), out.with_suffix(".png").read_bytes())


def test_the_command_measures_the_service_beside_words_and_meaning_alone(ran: Ran) -> None:
    assert ran.status == 0
    assert list(ran.document["categories"]) == ["multi-hop", "single-hop", "adversarial"]
    for ways in (ran.document["macro"], *ran.document["categories"].values()):
        assert list(ways) == ["service", "bm25", "dense"]
        for found in ways.values():
            assert list(found) == ["ndcg@10", *(f"recall@{k}" for k in (5, 10, 25, 50))]
            assert all(0 <= share <= 1 for share in found.values())
    assert ran.document["macro"]["bm25"]["recall@5"] == 1
    assert ran.document["macro"]["dense"]["recall@5"] == 1
    assert ran.document["categories"]["single-hop"]["service"]["ndcg@10"] == 1


def test_the_command_says_what_it_measured_and_how_fast_that_was(ran: Ran) -> None:
    dataset = ran.document["dataset"]
    assert (dataset["conversations"], dataset["turns"]) == (1, 6)
    assert (dataset["questions"], dataset["questions_left_out"]) == (3, 1)
    assert ran.document["options"]["searched"] == "facts"
    latency = ran.document["latency_ms"]
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"]
    assert ran.document["turns_per_second"] > 0
    assert ran.document["precision"]["min_score"] == 0
    assert ran.document["precision"]["hits"] > 0
    assert ran.document["published"]["retrievers"] == 9
    assert ran.document["questions"][0] == {
        "conversation": "garden",
        "category": "single-hop",
        **dict.fromkeys(("service", "bm25", "dense"), 1.0),
    }


def test_the_figures_are_drawn(ran: Ran) -> None:
    assert ran.picture.startswith(b"\x89PNG")


def test_a_file_that_cannot_be_read_is_one_line_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--dataset", str(tmp_path / "none.json")]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_a_locomo_file_is_read_as_lmeb_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "locomo.json"
    path.write_text(json.dumps(LOCOMO))
    (one,) = read(path)
    assert [len(session.turns) for session in one.sessions] == [2, 1]
    assert one.documents == (
        "1:14 pm on 25 May, 2023 Alice: I moved to Oslo.",
        "1:14 pm on 25 May, 2023 Bob: Look! a photo of a fjord fjord",
        "9:00 am on 1 June, 2023 Alice: Hello again.",
    )
    assert one.questions == (
        Question("Where?", "multi-hop", frozenset({"D1:1", "D2:1"})),
        Question("Why?", "adversarial", frozenset({"D1:2"})),
    )
    assert one.left_out == 1


def test_a_picture_is_words_in_the_message_and_turns_follow_each_other(tmp_path: Path) -> None:
    path = tmp_path / "locomo.json"
    path.write_text(json.dumps(LOCOMO))
    first, second, _ = read(path)[0].turns
    assert second.content == "Look! [shares a photo: a photo of a fjord; fjord]"
    assert first.content == "I moved to Oslo."
    assert first.time == datetime(2023, 5, 25, 13, 14, tzinfo=UTC)
    assert second.time > first.time


def test_own_data_has_sessions_roles_pictures_and_categories() -> None:
    (one,) = read(EXAMPLE)
    assert one.name == "garden"
    assert [session.id for session in one.sessions] == ["spring", "autumn"]
    assert one.documents[0] == (
        "10:00 am on 5 April, 2025 Nadia: I finally dug a pond behind the greenhouse."
    )
    assert one.turns[2].pictures == ("a photo of two newts in a pond",)
    assert [turn.is_assistant for turn in one.turns] == [False] * 5 + [True]
    assert [question.category for question in one.questions] == [
        "single-hop",
        "multi-hop",
        "adversarial",
    ]


QUESTION = {"kind": "question", "text": "?", "evidence": ["m"]}
MESSAGE = {"kind": "message", "id": "m", "text": "Hi.", "time": "2025-01-01T00:00:00"}
CONVERSATION = {"kind": "conversation", "id": "c"}
BAD = [
    [MESSAGE, QUESTION],
    [CONVERSATION, MESSAGE],
    [CONVERSATION, MESSAGE, MESSAGE, QUESTION],
    [CONVERSATION, {**MESSAGE, "time": "yesterday"}, QUESTION],
    [CONVERSATION, {**MESSAGE, "text": 1}, QUESTION],
    [CONVERSATION, {**MESSAGE, "role": "judge"}, QUESTION],
    [CONVERSATION, {**MESSAGE, "kind": "turn"}, QUESTION],
    [CONVERSATION, MESSAGE, {**QUESTION, "evidence": ["other"]}],
    [CONVERSATION, MESSAGE, {"kind": "question", "text": "?"}],
    [[]],
    [],
]


@pytest.mark.parametrize("records", BAD)
def test_own_data_of_another_shape_is_refused(tmp_path: Path, records: list[Any]) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    with pytest.raises(CorpusError):
        read(path)


@pytest.mark.parametrize("content", ["", "{}x", '[{"sample_id": 1}]', '{"a": 1}', "[]"])
def test_what_is_no_locomo_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(CorpusError):
        read(path)


def test_a_session_has_the_date_that_locomo_would_write() -> None:
    assert session_date(datetime(2023, 5, 8, 13, 56, tzinfo=UTC)) == "1:56 pm on 8 May, 2023"
    assert session_date(datetime(2023, 5, 8, 0, 5, tzinfo=UTC)) == "12:05 am on 8 May, 2023"


def test_a_few_questions_are_spread_over_the_conversation() -> None:
    (one,) = read(EXAMPLE)
    assert [q.category for q in one.first(2).questions] == ["single-hop", "adversarial"]
    assert one.first(9).questions == one.questions


def test_a_fact_stands_for_its_turns_and_a_turn_counts_once() -> None:
    found = turns_of([_hit(0.9, "m2", "m1"), _hit(0.5, "m1"), _hit(0.4, "m3")], "facts")
    assert list(found) == [Hit("m2", 0.9), Hit("m1", 0.9), Hit("m3", 0.4)]


def test_a_message_is_the_turn_of_its_first_source() -> None:
    found = turns_of([_hit(0.9, "m2", "m1"), _hit(0.5, "m1")], "messages")
    assert list(found) == [Hit("m2", 0.9), Hit("m1", 0.5)]


def _hit(score: float, *messages: str) -> memory_pb2.SearchHit:
    sources = [memory_pb2.Source(session_id="s", message_id=message) for message in messages]
    return memory_pb2.SearchHit(memory=memory_pb2.Memory(sources=sources), score=score)
