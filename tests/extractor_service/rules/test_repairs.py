"""A word that is put right in its own message, and where the memory made of both comes from."""

from __future__ import annotations

import pytest

from extractor_service.rules.repairs import repaired

from .conftest import Say

MEANT = [
    ("I live in Oslo, no wait, Bergen.", "I live in Bergen."),
    ("It's on Tuesday, sorry, Wednesday", "It's on Wednesday"),
    ("at 9. wait no, 10:30. thanks", "at 10:30. thanks"),
    ("the red one - actually no, the blue one!", "the blue one!"),
]
UNCLEAR = [
    "I moved from Oslo to Rome, no wait, Bergen.",
    "I moved to Oslo, sorry, Anna.",
    "I have two dogs, sorry, three cats.",
    "No wait, Wednesday.",
    "I live in Oslo. No wait, that was last year.",
    "I was sorry on Tuesday.",
    "I have 2 dogs and 3 cats, I mean 4.",
]


@pytest.mark.parametrize(("said", "meant"), MEANT)
def test_the_right_word_takes_the_place_of_the_wrong_one(said: str, meant: str) -> None:
    made = repaired(said)
    assert made is not None
    assert made.text == meant


@pytest.mark.parametrize("said", UNCLEAR)
def test_what_is_not_certain_stays_as_it_was_said(said: str) -> None:
    assert repaired(said) is None


@pytest.mark.parametrize("mark", [" ", ".", ", no wait", " sorry, "])
def test_long_pauses_put_nothing_right(mark: str) -> None:
    assert repaired(f"I live in {mark * 5000}") is None


def test_a_memory_of_both_words_comes_from_both_and_others_from_where_they_stand(say: Say) -> None:
    said = "Żółw! I love tea. I live in Oslo, no wait, Bergen. I work at Acme."
    quotes = {
        found.text: said.encode()[found.source.start : found.source.end].decode()
        for found in say(said)
    }
    assert quotes == {
        "Alice loves tea.": "I love tea",
        "Alice lives in Bergen.": "I live in Oslo, no wait, Bergen",
        "Alice works at Acme.": "I work at Acme",
    }
