from __future__ import annotations

import pytest

from extractor_service.llm.wording import Vocabulary, is_statement, is_third_person, tidy


@pytest.mark.parametrize(
    "text",
    [
        "Ada's favourite film is My Fair Lady.",
        'Ada said "I love you" to Emma.',
        "Ada said “my dog is old”.",
        "Ada reads about World War I and the US.",
        "Ada is in Hawaii.",
    ],
)
def test_the_third_person_may_hold_what_looks_like_another(text: str) -> None:
    assert is_third_person(text)


@pytest.mark.parametrize(
    "text",
    [
        "I live in Paris.",
        "I'm Ada.",
        "Ada said that I live in Paris.",
        "My dog is old.",
        "We ski.",
        "Ada loves you.",
        "Ada skis. You ski too.",
        "Ada gave it to me.",
        "Ada lives in our house.",
    ],
)
def test_i_we_and_you_are_not_the_third_person(text: str) -> None:
    assert not is_third_person(text)


@pytest.mark.parametrize("text", ["艾达住在巴黎。", "Ada skis.", "Ada lives in Paris."])
def test_a_sentence_states_something(text: str) -> None:
    assert is_statement(text)


@pytest.mark.parametrize(
    "text", ["", "Ada.", "042d81842e81540a.", "a b c.", "Where is Ada?", "x\n"]
)
def test_a_word_a_question_and_a_number_state_nothing(text: str) -> None:
    assert not is_statement(text)


@pytest.mark.parametrize(
    ("text", "tidied"),
    [(" Ada\n skis ", "Ada skis."), ("Ada skis!", "Ada skis!"), ("", ""), (" \n", "")],
)
def test_a_sentence_is_on_one_line_and_ends(text: str, tidied: str) -> None:
    assert tidy(text) == tidied


SAID = Vocabulary(["I don't eat meat, and I love living in Germany.", "Ada", "O'Brien"])


@pytest.mark.parametrize(
    "text",
    [
        "Ada eats no meat.",
        "The user loves German food.",
        "On Monday, 3 May, Ada met O'Brien.",
        "Her friend is O'Brien.",
    ],
)
def test_a_name_that_was_said_is_known_however_it_is_bent(text: str) -> None:
    assert SAID.names_only_known(text)


@pytest.mark.parametrize("text", ["Bob eats no meat.", "Ada lives in Rome.", "Ada met Emma."])
def test_a_name_that_nobody_said_is_made_up(text: str) -> None:
    assert not SAID.names_only_known(text)


def test_a_paraphrase_shares_some_words_and_an_invention_none() -> None:
    assert SAID.covers("Ada is vegetarian.")
    assert SAID.covers("Ada loves tea.")
    assert not SAID.covers("The weather forecast predicted heavy thunder over coastal towns.")
