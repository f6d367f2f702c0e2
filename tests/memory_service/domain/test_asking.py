from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.asking import Asked, understand

NAMES = ("Caroline", "Ann", "Ann Lee", "Zoë", "J.R. (Bob)")


def asked(query: str) -> Asked:
    return understand(query, NAMES, 0)


def test_the_names_of_those_who_talk_are_left_out_and_kept_apart():
    found = asked("When did Caroline go to the support group?")
    assert found.text == "When did go to the support group?"
    assert found.words == ("go", "support", "group")
    assert found.names == {"caroline"}
    assert found.wants_time


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("What is Caroline's dog called?", "What is dog called?"),
        ("Who is Ann Lee’s sister?", "Who is sister?"),
        ("What does ZOË eat?", "What does eat?"),
        ("Did J.R. (Bob) call?", "Did call?"),
        ("Where is Carolines house, or Annapolis?", "Where is Carolines house, or Annapolis?"),
    ],
)
def test_a_name_is_a_name_in_whatever_form_and_no_part_of_a_word(query: str, text: str):
    assert asked(query).text == text


@pytest.mark.parametrize("query", ["Caroline", "Caroline and Ann?", "who is Ann"])
def test_a_query_of_nothing_but_names_is_searched_as_it_is(query: str):
    found = asked(query)
    assert found.text == query
    assert found.words


@pytest.mark.parametrize(
    ("query", "wants_time"),
    [
        ("When was it?", True),
        ("Since when does he run?", True),
        ("In which year did she move?", True),
        ("How long ago was that?", True),
        ("What did he say when she left?", False),
        ("Where is it?", False),
    ],
)
def test_a_question_for_a_time_is_known_by_its_words(query: str, wants_time: bool):
    assert asked(query).wants_time is wants_time


@given(st.text(), st.lists(st.text(min_size=1), max_size=3))
def test_any_query_is_understood_and_none_loses_all_its_words(query: str, names: list[str]):
    found = understand(query, names, 0)
    assert bool(found.words) == bool(understand(query, (), 0).words)
    assert found.text.strip() == found.text
