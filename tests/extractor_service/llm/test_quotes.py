from __future__ import annotations

import pytest

from extractor_service.llm.quotes import located

TEXT = "Well, I don\N{RIGHT SINGLE QUOTATION MARK}t  eat\nmeat - never (really) did. İ live."


@pytest.mark.parametrize(
    ("quote", "passage"),
    [
        ("eat\nmeat", "eat\nmeat"),
        (" eat\nmeat ", "eat\nmeat"),
        ("i don't eat meat", "I don\N{RIGHT SINGLE QUOTATION MARK}t  eat\nmeat"),
        ("EAT MEAT \N{EN DASH} never", "eat\nmeat - never"),
        ('"...eat meat..."', "eat\nmeat"),
        ("...eat meat...", "eat\nmeat"),
        ('"eat meat"', "eat\nmeat"),
        ("never (really) did.", "never (really) did."),
        ("live", "live"),
        ("eats meat", None),
        ("eat fish", None),
        ("", None),
        ("-", None),
        (".*", None),
    ],
)
def test_a_quote_is_found_whatever_its_case_and_white_space(
    quote: str, passage: str | None
) -> None:
    span = located(quote, TEXT)
    assert (TEXT[slice(*span)] if span else None) == passage


def test_the_first_of_several_places_counts() -> None:
    assert located("tea", "tea and tea") == (0, 3)
