"""A word put right in a message of its own: what is told again takes the place of the wrong."""

from __future__ import annotations

import pytest

from extractor_service.rules import RulesExtractor
from extractor_service.rules.slips import slip

from .conftest import Say

OSLO = ("Alice", "I live in Oslo.")
SLIPS = ["Sorry, I meant Bergen, not Oslo.", "Correction: Bergen, not Oslo", "*Bergen", "Bergen*"]


@pytest.mark.parametrize("text", SLIPS)
def test_what_is_put_right_has_the_slot_and_the_value_that_were_meant(
    text: str, say: Say, extractor: RulesExtractor
) -> None:
    (wrong,) = say(OSLO[1])
    (right,) = say(text, OSLO)
    assert right.slot == wrong.slot == "alice|home"
    assert extractor.read(right.text).claim.value == {"bergen"}


@pytest.mark.parametrize("name", ["Bergen", "Tromsø"])
def test_its_source_is_the_right_word_in_the_message_that_puts_it_right(
    name: str, say: Say
) -> None:
    text = f"Sorry, I meant {name}, not Århus."
    (found,) = say(text, ("Alice", "I live in Århus."))
    assert found.source.message_id == "turn"
    assert text.encode()[found.source.start : found.source.end].decode() == name


def test_a_statement_made_twice_with_the_wrong_word_is_not_told_again(say: Say) -> None:
    assert say("I meant Bergen, not Oslo.", OSLO, ("Alice", "My brother works in Oslo.")) == ()


def test_only_what_the_same_speaker_said_is_put_right(say: Say) -> None:
    assert say("*Bergen", OSLO, speaker="Bob") == ()
    assert say("*Bergen", OSLO, ("Bob", "Lovely!"))[0].text == "Alice lives in Bergen."


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "**Bergen**",
        "*Bergen*",
        "Not Oslo.",
        "I like Bergen and Rome, not Oslo.",
        "I meant Bergen, not Oslo, and I live there with all my family, as far as they are alive.",
        "no " * 30 + "!",
        "I meant " * 12,
    ],
)
def test_what_says_more_or_less_puts_no_word_right(text: str) -> None:
    assert slip(text) is None
