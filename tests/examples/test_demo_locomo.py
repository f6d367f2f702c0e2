from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from examples.demo.locomo import (
    Conversation,
    ConversationError,
    parse_item,
    parse_time,
    read_conversation,
)
from examples.demo.run import OWN_CONVERSATION


def turn(turn_id: str, text: str, **more: Any) -> dict[str, Any]:
    return {"speaker": "Ada", "dia_id": turn_id, "text": text, **more}


def item_of(*turns: object, **more: Any) -> dict[str, Any]:
    conversation = {
        "speaker_a": "Ada",
        "speaker_b": "Bo",
        "session_1_date_time": "1:56 pm on 8 May, 2023",
        "session_1": list(turns),
    }
    return {"conversation": conversation, **more}


def parsed(*turns: object, **more: Any) -> Conversation:
    return parse_item(item_of(*turns, **more), "unnamed")


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_times_of_the_format_are_read_as_utc():
    assert parse_time("1:56 pm on 8 May, 2023") == datetime(2023, 5, 8, 13, 56, tzinfo=UTC)
    assert parse_time("12:05 am on 31 December, 2022") == datetime(2022, 12, 31, 0, 5, tzinfo=UTC)


def test_iso_times_are_read_too_and_turned_into_utc():
    assert parse_time("2023-05-08 13:56") == datetime(2023, 5, 8, 13, 56, tzinfo=UTC)
    assert parse_time("2023-05-08T13:56+02:00") == datetime(2023, 5, 8, 11, 56, tzinfo=UTC)


def test_a_turn_is_said_a_minute_after_the_one_before():
    (session,) = parsed(turn("D1:1", "Hi"), turn("D1:2", "Hello"), turn("D1:3", "Ho")).sessions
    assert [said.time.minute for said in session.turns] == [56, 57, 58]
    assert session.time == session.turns[0].time


def test_the_caption_of_a_photo_is_part_of_what_was_said():
    (session,) = parsed(
        turn("D1:1", "Look!", blip_caption="a red kite"), turn("D1:2", "", blip_caption="a lake")
    ).sessions
    assert [said.text for said in session.turns] == [
        "Look! [shares a photo: a red kite]",
        "[shares a photo: a lake]",
    ]


def test_sessions_are_in_order_of_their_numbers_not_of_their_spelling():
    conversation = {
        f"session_{number}{suffix}": value
        for number in (10, 2, 1)
        for suffix, value in (
            ("", [turn(f"D{number}:1", "Hi")]),
            ("_date_time", f"1:00 pm on {number} May, 2023"),
        )
    }
    sessions = parse_item({"conversation": conversation}, "unnamed").sessions
    assert [session.id for session in sessions] == ["session_1", "session_2", "session_10"]


def test_turns_without_words_and_things_that_are_no_turns_are_left_out():
    (session,) = parsed(turn("D1:1", "Hi"), turn("D1:2", "  "), "?", None).sessions
    assert [said.id for said in session.turns] == ["D1:1"]


def test_turns_without_a_usable_id_get_one_of_their_own():
    (session,) = parsed(
        turn("", "a"), turn("7", "b"), turn("D1:3", "c"), turn("D1:3", "d")
    ).sessions
    ids = [said.id for said in session.turns]
    assert ids == ["D1:turn-1", "D1:turn-2", "D1:3", "D1:turn-4"]


def test_a_date_without_turns_is_no_session():
    item = item_of(turn("D1:1", "Hi"))
    item["conversation"]["session_2_date_time"] = "1:00 pm on 9 May, 2023"
    item["conversation"]["session_3"] = []
    assert [session.id for session in parse_item(item, "unnamed").sessions] == ["session_1"]


def test_the_speakers_are_those_named_and_those_heard():
    third = {"speaker": "Cy", "dia_id": "D1:2", "text": "Me too"}
    assert parsed(turn("D1:1", "Hi"), third).speakers == ("Ada", "Bo", "Cy")


def test_only_questions_with_an_answer_and_all_their_evidence_are_kept():
    questions = parsed(
        turn("D1:1", "I live in Rome."),
        turn("D1:2", "I have a cat."),
        qa=[
            {"question": "Where?", "answer": "Rome", "evidence": ["D1:1"]},
            {"question": "What?", "answer": 1, "evidence": ["D1:1; D1:2"]},
            {"question": "Who?", "answer": "Bo", "evidence": ["D9:9"]},
            {"question": "Why?", "answer": "So", "evidence": []},
            {"question": "When?", "evidence": ["D1:1"]},
            "?",
        ],
    ).questions
    assert [(each.text, each.answer, each.evidence) for each in questions] == [
        ("Where?", "Rome", ("D1:1",)),
        ("What?", "1", ("D1:1", "D1:2")),
    ]


def test_a_conversation_is_named_after_its_sample_id_or_its_file(tmp_path: Path):
    named = item_of(turn("D1:1", "Hi"), sample_id="ada-and-bo")
    path = write(tmp_path / "talk.json", [named, item_of(turn("D1:1", "Hi"))])
    assert read_conversation(path).name == "ada-and-bo"
    assert read_conversation(path, 1).name == "talk-1"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"a": 1}, "is not in LoCoMo format, a list of conversations"),
        ([], "has no item 0: it has 0, counted from 0"),
        (["?"], "not in LoCoMo format, there is no 'conversation'"),
        ([{"conversation": {}}], "not in LoCoMo format, there is no session with turns"),
    ],
)
def test_a_file_of_another_format_is_one_clear_line(
    tmp_path: Path, content: object, complaint: str
):
    path = write(tmp_path / "other.json", content)
    with pytest.raises(ConversationError) as caught:
        read_conversation(path)
    assert complaint in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_session_without_a_readable_time_is_refused_by_name():
    item = item_of(turn("D1:1", "Hi"))
    item["conversation"]["session_1_date_time"] = "last Monday"
    with pytest.raises(ConversationError, match="session_1_date_time is not like"):
        parse_item(item, "unnamed")


def test_a_file_that_is_not_there_or_not_json_is_one_clear_line(tmp_path: Path):
    with pytest.raises(ConversationError, match="No such file"):
        read_conversation(tmp_path / "missing.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConversationError, match="is not a JSON file"):
        read_conversation(tmp_path / "binary.json")


def test_our_own_conversation_is_what_the_demo_promises():
    conversation = read_conversation(OWN_CONVERSATION)
    assert conversation.speakers == ("Hannah", "Marcus")
    assert len(conversation.sessions) == 5
    assert 40 <= conversation.turn_count <= 60
    assert len(conversation.questions) == 5
    times = [said.time for session in conversation.sessions for said in session.turns]
    assert times == sorted(times)
