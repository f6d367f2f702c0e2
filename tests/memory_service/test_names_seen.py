from __future__ import annotations

import pytest

from memory_service import names_seen
from memory_service.domain.owner import Owner
from memory_service.names_seen import GOOD_SECONDS, Counted, NamesSeen
from tests.support.memories import ALICE, BOB

ANN = frozenset({"Ann"})


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_names_are_known_of_the_owners_they_were_noted_of_alone(clock: Clock):
    names = NamesSeen(clock)
    names.note([ALICE], ANN)
    names.note([ALICE, BOB], frozenset())
    assert names.of([ALICE]) == ANN
    assert names.of([ALICE, BOB]) == frozenset()
    assert names.of([BOB]) is None
    assert names.cache_info() == Counted(hits=2, misses=1, currsize=2)


def test_names_are_forgotten_when_nobody_asks_for_a_while(clock: Clock):
    names = NamesSeen(clock)
    names.note([ALICE], ANN)
    clock.now = GOOD_SECONDS
    assert names.of([ALICE]) is None
    names.note([BOB], ANN)
    assert list(names._seen) == [(BOB,)]


def test_who_was_searched_longest_ago_gives_way(clock: Clock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(names_seen, "MOST", 2)
    names = NamesSeen(clock)
    third = Owner.user("t", "n", "third")
    names.note([ALICE], ANN)
    names.note([BOB], ANN)
    names.note([ALICE], ANN)
    names.note([third], ANN)
    assert names.of([BOB]) is None
    assert names.of([ALICE]) == names.of([third]) == ANN
