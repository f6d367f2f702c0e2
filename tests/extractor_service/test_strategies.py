from __future__ import annotations

import pytest

from extractor_service.domain import Finding, MemoryType, Role, Source, Strategy, StrategyKind
from extractor_service.strategies import is_preference, kept


def finding(text: str, *topics: str) -> Finding:
    return Finding(text, MemoryType.SEMANTIC, topics, (), Source("m", 0, 1), 0.5)


@pytest.mark.parametrize(
    "text",
    [
        "Ada wants a dog.",
        "Ada doesn't want a dog.",
        "Ada doesn't really like olives.",
        "Ada and Bob want a dog.",
        "Ada hopes to see the fjords.",
        "Ada chose the blue bike.",
        "Ada opted for the vegan menu.",
        "Ada's sister hates flying.",
        "Ada is a big fan of Miles Davis.",
        "Ada is really into climbing.",
        "Ada can't stand noise.",
        "Ada can\N{RIGHT SINGLE QUOTATION MARK}t stand noise.",
        "Ada would rather take the train.",
        "Ada would love to visit Japan.",
        "Jazz is Ada's favorite music.",
        "Ada's favourite colour is green.",
        "Ada is keen on sailing.",
    ],
)
def test_likes_wants_and_choices_are_known_by_their_wording(text: str) -> None:
    assert is_preference(finding(text, "plans"))


@pytest.mark.parametrize(
    "text",
    [
        "Ada lives in Paris.",
        "Ada bought a house like Emma's.",
        "Emma is the love of Ada's life.",
        "Ada picked up Ada's kids at noon.",
        "Ada walked into a bar on 30 April 2024.",
        "Ada is moving into a flat.",
        "Ada needs a new passport.",
        "Ada has to choose a school.",
        "Ada lost Ada's favourite pen.",
        "Ada plans to run a marathon in June 2024.",
    ],
)
def test_what_only_sounds_like_a_preference_is_none(text: str) -> None:
    assert not is_preference(finding(text, "personal", "home"))


def test_what_the_rules_call_a_preference_is_one_however_it_is_worded() -> None:
    assert is_preference(finding("Ada and Bob like jazz.", "preferences"))


@pytest.mark.parametrize("kind", StrategyKind)
def test_only_preferences_keep_less_than_all(kind: StrategyKind) -> None:
    found = [finding("Ada skis."), finding("Ada loves tea."), finding("Ada wants a dog.")]
    expected = found[1:] if kind is StrategyKind.PREFERENCES else found
    assert kept(found, Role.USER, Strategy(kind, "")) == tuple(expected)


def test_what_the_assistant_did_is_no_preference_and_kept_with_them() -> None:
    deed = finding("The assistant booked Alice a table.")
    strategy = Strategy(StrategyKind.PREFERENCES, include_assistant=True)
    assert kept([deed], Role.ASSISTANT, strategy) == (deed,)
    assert kept([deed], Role.USER, strategy) == ()
