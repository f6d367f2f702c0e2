from __future__ import annotations

from collections import Counter

import pytest

from extractor_service.model import ModelChoice, load_embedder
from extractor_service.rules import RulesExtractor
from extractor_service.thresholds import BUNDLED

from .__main__ import by_hand, by_hand_compared, is_one


def test_the_pairs_are_many_and_of_many_kinds() -> None:
    kinds = Counter(str(pair["how"]) for pair in by_hand())
    assert sum(kinds.values()) >= 60
    assert min(kinds.values()) >= 5


@pytest.mark.parametrize("same", [True, False])
def test_facts_that_differ_are_never_one_and_most_that_are_one_are_found(*, same: bool) -> None:
    rules, embedder = RulesExtractor.load(), load_embedder(ModelChoice(threads=1))
    pairs = [pair for pair in by_hand_compared(rules, embedder) if pair.same is same]
    taken = sum(1 for pair in pairs if is_one(pair, BUNDLED))
    assert taken >= 0.85 * len(pairs) if same else taken == 0
