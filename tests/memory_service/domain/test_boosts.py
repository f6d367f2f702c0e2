from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.boosts import NONE, Boosts, boosted
from memory_service.domain.ranking import Ranked
from memory_service.domain.search import Found
from memory_service.domain.signals import signals_of
from tests.support.memories import make

DAY = 24 * 3600 * 1_000_000
NOW = 1000 * DAY


def ranked(
    id_: str, score: float, *, age: int = 0, mentions: int = 1, pinned: bool = False
) -> Ranked:
    signals = signals_of(make(id_))._replace(said=NOW - age, mentions=mentions, pinned=pinned)
    return Ranked(Found(("alice", id_), 0.0, (), signals), score, {})


def test_without_boosts_nothing_changes() -> None:
    as_it_is = [ranked("a", 0.5), ranked("b", 0.4)]
    assert boosted(as_it_is, NONE, NOW) == as_it_is
    assert not NONE


def test_recency_halves_with_each_half_life() -> None:
    boosts = Boosts(recency=1.0, half_life=10 * DAY)
    new, old, older = boosted(
        [ranked("older", 0.5, age=20 * DAY), ranked("old", 0.5, age=10 * DAY), ranked("new", 0.5)],
        boosts,
        NOW,
    )
    assert [each.found.key[1] for each in (new, old, older)] == ["new", "old", "older"]
    assert [each.boosts[0].value for each in (new, old, older)] == [1.0, 0.5, 0.25]
    assert new.score == pytest.approx((0.5 + 1.0) / 2)


def test_what_is_said_in_the_future_is_as_recent_as_now() -> None:
    (one,) = boosted([ranked("a", 0.5, age=-DAY)], Boosts(recency=1.0), NOW)
    assert one.boosts[0].value == 1.0


def test_importance_is_of_what_is_pinned_or_said_often() -> None:
    boosts = Boosts(importance=0.5)
    of = boosted(
        [ranked("once", 0.5), ranked("thrice", 0.5, mentions=3), ranked("pin", 0.5, pinned=True)],
        boosts,
        NOW,
    )
    values = {each.found.key[1]: each.boosts[0].value for each in of}
    assert values == {"once": 0, "thrice": pytest.approx(2 / 3), "pin": 1}
    assert [each.found.key[1] for each in of] == ["pin", "thrice", "once"]


@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(-DAY, NOW), st.integers(1, 32)), max_size=8),
    st.floats(0, 10),
    st.floats(0, 10),
)
def test_scores_stay_between_0_and_1_and_nothing_is_lost(
    of: list[tuple[float, int, int]], recency: float, importance: float
) -> None:
    before = [ranked(str(i), s, age=age, mentions=n) for i, (s, age, n) in enumerate(of)]
    after = boosted(before, Boosts(recency, DAY, importance), NOW)
    assert {each.found.key for each in after} == {each.found.key for each in before}
    assert all(0 <= each.score <= 1 for each in after)
