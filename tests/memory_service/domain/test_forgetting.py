from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.forgetting import Limits, Standing, to_forget

NOW = 1000


def standing(id_: str, *, created: int = 0, used: int = 0, pinned: bool = False) -> Standing:
    return Standing(id_, created, used, pinned)


def forgotten(standings: Iterable[Standing], **limits: int) -> list[str]:
    return [each.id for each in to_forget(list(standings), Limits(**limits), NOW)]


def test_what_is_older_than_the_age_is_forgotten():
    ages = [standing(str(created), created=created, used=NOW) for created in (0, 899, 900, 901)]
    assert forgotten(ages, max_age=100) == ["0", "899"]


def test_what_was_not_used_for_as_long_is_forgotten():
    uses = [standing(str(used), used=used) for used in (900, 899, 0)]
    assert forgotten(uses, max_inactivity=100) == ["0", "899"]


def test_the_least_recently_used_make_room():
    uses = [standing(str(used), used=used) for used in (5, 3, 9, 1)]
    assert forgotten(uses, max_memories=2) == ["1", "3"]
    assert forgotten(uses, max_memories=4) == []
    assert forgotten(uses, max_memories=0) == ["1", "3", "5", "9"]


def test_pinned_ones_stay_and_count():
    pinned = [standing(f"p{n}", pinned=True) for n in range(2)]
    others = [standing(f"m{n}", used=n) for n in range(3)]
    assert forgotten([*pinned, *others], max_memories=3) == ["m0", "m1"]
    assert forgotten([*pinned, *others], max_memories=1) == ["m0", "m1", "m2"]
    assert forgotten(pinned, max_age=1, max_inactivity=1, max_memories=0) == []


def test_the_number_is_that_of_what_the_other_limits_leave():
    old_but_used = standing("old", created=0, used=999)
    others = [standing(f"m{n}", created=990, used=990 + n) for n in range(3)]
    assert forgotten([old_but_used, *others], max_age=100, max_memories=3) == ["old"]


def test_equally_used_ones_go_in_the_order_of_their_creation():
    same = [
        standing("b", created=2, used=5),
        standing("a", created=2, used=5),
        standing("c", used=5),
    ]
    assert forgotten(same, max_memories=0) == ["c", "a", "b"]


STANDINGS = st.lists(
    st.builds(
        Standing,
        id=st.uuids().map(str),
        created=st.integers(0, NOW),
        used=st.integers(0, NOW),
        pinned=st.booleans(),
    ),
    unique_by=lambda each: each.id,
)
BOUND = st.none() | st.integers(1, NOW)
LIMITS = st.builds(
    Limits, max_age=BOUND, max_inactivity=BOUND, max_memories=st.none() | st.integers(0, 10)
)


@given(STANDINGS, LIMITS)
def test_forgetting_again_forgets_nothing_and_what_stays_is_within_the_limits(standings, limits):
    gone = to_forget(standings, limits, NOW)
    left = [each for each in standings if each not in gone]
    assert to_forget(left, limits, NOW) == []
    assert not any(each.pinned for each in gone)
    free = [each for each in left if not each.pinned]
    assert all(limits.max_age is None or each.created >= NOW - limits.max_age for each in free)
    if limits.max_memories is not None:
        assert len(left) <= limits.max_memories or not free
