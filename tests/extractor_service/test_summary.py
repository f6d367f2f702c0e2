from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor_service.summary import MAX_SUMMARY_BYTES, counted_lines, extended, fitting


def cut(summary: str, max_tokens: int) -> str:
    """Fit the summary, a word being a token."""
    return fitting(summary, [len(line.split()) for line in counted_lines(summary)], max_tokens)


def lines(*texts: str) -> str:
    return "\n".join(texts)


def test_each_sentence_gets_a_line_after_what_was_there() -> None:
    assert extended("", ["Ada skis.", "Ada reads."]) == lines("Ada skis.", "Ada reads.")
    assert extended("Ada skis.\n", ["Ada reads."]) == lines("Ada skis.", "Ada reads.")
    assert extended(" \n", ["Ada reads."]) == "Ada reads."


@pytest.mark.parametrize("summary", ["", " ", "Ada skis. \n\n  Ada reads.\n"])
def test_without_anything_new_a_summary_stays_as_it_was(summary: str) -> None:
    assert extended(summary, []) == summary
    assert extended("Ada skis.\n" + summary, ["ADA SKIS."]) == "Ada skis.\n" + summary


def test_a_sentence_that_is_there_is_not_repeated_in_any_case() -> None:
    known = lines("Ada skis.", "Ada moved to Gro\N{LATIN SMALL LETTER SHARP S}dorf.")
    new = ["ada skis.", "Ada reads.", "Ada moved to GROSSDORF.", "Ada READS."]
    assert extended(known, new) == lines(known, "Ada reads.")


@pytest.mark.parametrize("gap", ["\n", "\r\n", "\x0b", "\x85", "\N{LINE SEPARATOR}", "\t  "])
def test_no_sentence_makes_two_lines(gap: str) -> None:
    assert extended("", [f"Ada{gap}Lovelace skis."]) == "Ada Lovelace skis."


def test_the_oldest_lines_are_dropped_whole() -> None:
    summary = lines("Ada skis often.", "Ada reads.", "Ada sings.")
    assert cut(summary, 7) == summary
    assert cut(summary, 6) == lines("Ada reads.", "Ada sings.")
    assert cut(summary, 3) == "Ada sings."
    assert cut(summary, 1) == ""


def test_nothing_older_is_kept_in_the_place_of_something_newer() -> None:
    assert cut(lines("Ada skis.", "Ada reads very much.", "Ada sings."), 4) == "Ada sings."


def test_a_line_too_long_by_itself_takes_nothing_along() -> None:
    summary = lines("Ada skis.", "Ada " + "very " * 9 + "often reads.", "Ada sings.")
    assert cut(summary, 8) == lines("Ada skis.", "Ada sings.")


def test_a_summary_can_always_be_continued() -> None:
    one_token = "x" * (MAX_SUMMARY_BYTES // 4)
    summary = lines("old", one_token + "1", one_token + "2", one_token + "3")
    assert len(cut(summary, 100).encode()) <= MAX_SUMMARY_BYTES
    assert cut(lines(*[one_token] * 5), 100) == lines(*[one_token] * 3)
    exact = lines("x" * (MAX_SUMMARY_BYTES - 2), "y")
    assert cut(exact, 100) == exact
    assert cut(lines("old", exact), 100) == exact
    assert cut(lines("x" * (MAX_SUMMARY_BYTES + 1), "y"), 100) == "y"


texts = st.lists(st.text(st.sampled_from("aB \n."), max_size=6), max_size=8)


@given(st.text(st.sampled_from("ab \n."), max_size=20), texts, st.integers(0, 8))
def test_where_sentences_are_cut_changes_nothing(
    summary: str, sentences: list[str], place: int
) -> None:
    in_two = extended(extended(summary, sentences[:place]), sentences[place:])
    assert in_two == extended(summary, sentences)


@given(texts, st.integers(1, 6))
def test_what_is_kept_are_the_newest_lines_that_fit(said: Iterable[str], most: int) -> None:
    summary = extended("", said)
    kept = cut(summary, most)
    assert len(kept.split()) <= most
    fitting_alone = [each for each in summary.splitlines() if len(each.split()) <= most]
    assert kept.splitlines() == fitting_alone[len(fitting_alone) - len(kept.splitlines()) :]
