from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.collapsing import collapsed
from memory_service.domain.ranking import Ranked
from memory_service.domain.search import Found
from memory_service.domain.signals import signals_of
from tests.support.memories import make


def ranked(texts: list[str]) -> list[Ranked]:
    return [
        Ranked(
            Found(("alice", str(i)), 0.0, text.split(), signals_of(make(str(i)))), 1 / (i + 1), {}
        )
        for i, text in enumerate(texts)
    ]


def kept(*texts: str) -> list[str]:
    return [" ".join(each.found.words) for each in collapsed(ranked(list(texts)))]


def test_of_those_alike_the_best_stays() -> None:
    texts = ("ann live berlin sinc march", "sinc march ann live berlin", "ann live pari")
    assert kept(*texts) == ["ann live berlin sinc march", "ann live pari"]


def test_four_words_of_five_in_common_are_alike_and_three_of_four_are_not() -> None:
    assert kept("a b c d e", "a b c d") == ["a b c d e"]
    assert kept("a b c d", "a b c") == ["a b c d", "a b c"]


def test_what_has_no_words_is_like_nothing() -> None:
    assert kept("", "", "a") == ["", "", "a"]


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=3).map(" ".join), max_size=8))
def test_the_first_always_stays_and_the_order_too(texts: list[str]) -> None:
    before = ranked(texts)
    after = list(collapsed(before))
    assert after[:1] == before[:1]
    assert [each for each in before if each in after] == after
    assert list(collapsed(after)) == after
