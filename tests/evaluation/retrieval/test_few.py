"""Users with few memories, made of conversations."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console

from tests.evaluation.retrieval.corpus import Conversation, Question, Session, Turn
from tests.evaluation.retrieval.few import Found, pieces, questions, table


def session(id_: str, *turns: str) -> Session:
    when = datetime(2023, 5, 8, tzinfo=UTC)
    return Session(id_, "a date", tuple(Turn(turn, "Ana", "Hi.", when) for turn in turns))


def asked(*evidence: str) -> Question:
    return Question(f"Where is {evidence}?", "single-hop", frozenset(evidence))


WHOLE = Conversation(
    "talk",
    (session("s1", "a", "b"), session("s2", "c"), session("s3", "d")),
    (asked("a"), asked("a", "c"), asked("d")),
)


def test_a_piece_has_the_questions_that_its_own_turns_answer() -> None:
    one, three = pieces(WHOLE, 1)
    assert [one.name, three.name] == ["talk-1-0", "talk-1-2"]
    assert [one.questions, three.questions] == [(asked("a"),), (asked("d"),)]
    two, last = pieces(WHOLE, 2)
    assert two.questions == (asked("a"), asked("a", "c"))
    assert last.sessions == (WHOLE.sessions[2],)


def test_a_piece_is_asked_what_it_answers_and_what_it_has_nothing_of() -> None:
    first, _ = pieces(WHOLE, 1)
    assert questions(first, WHOLE) == [(asked("a"), True), (asked("d"), False)]
    assert questions(WHOLE, WHOLE)[3:] == []


def test_the_table_counts_evidence_and_what_scores_make_of_it() -> None:
    answers = [
        Found(True, (0.5, 0.25), (False, True)),
        Found(True, (0.05,), (True,)),
        Found(False, (0.1,), (False,)),
    ]
    console = Console(width=200)
    with console.capture() as capture:
        console.print(table("facts", answers))
    row = capture.get().splitlines()[-2]
    cells = [cell.strip() for cell in row.strip("│ ").split("│")]
    assert cells == ["1-9", "2", "2", "1", "0.15", "50%", "100%"]
