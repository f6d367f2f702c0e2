from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from service_kit import garbage


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def test_what_is_there_is_not_looked_at_again_and_what_comes_seldom():
    garbage.settle()
    assert gc.get_freeze_count() > 1000
    assert gc.get_threshold() == (garbage.YOUNG, garbage.MIDDLE, garbage.OLD)


def test_cycles_are_still_collected():
    garbage.settle()
    before = gc.get_stats()[0]["collections"]
    kept = []
    while gc.get_stats()[0]["collections"] == before:
        kept.append([kept])
    # Twice, because what other threads drop meanwhile is taken off the count.
    assert len(kept) <= 2 * garbage.YOUNG
