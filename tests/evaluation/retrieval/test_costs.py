"""What the ingredients of a search cost, on the example, whose figures say nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from memory_service.domain.asking import understand
from memory_service.domain.search import Arm, Arms, Found
from memory_service.domain.signals import Signals
from tests.evaluation.retrieval.cost import main
from tests.evaluation.retrieval.ingredients import INGREDIENTS, Case, Ingredient
from tests.evaluation.retrieval.timing import WHOLE, least, ranking

EXAMPLE = Path(__file__).with_name("example.jsonl")
QUESTION = "When did Ana see the heron in May 2023?"
NOW = 1_700_000_000_000_000


def found(number: int, raw: float, *words: str) -> Found:
    seen = Signals(
        names=("ana",),
        length=len(words),
        answers=True,
        timed=True,
        time=NOW,
        said=NOW,
        mentions=1,
        pinned=False,
        place=("s", number),
        sources=(("s", f"m{number}"),),
    )
    return Found(("owner", str(number)), raw, words, seen)


def case() -> Case:
    names = frozenset({"Ana"})
    turns: Arms = {
        Arm.SEMANTIC: [found(1, 0.8, "heron"), found(2, 0.7, "pond")],
        Arm.KEYWORD: [found(1, 1.0, "heron"), found(3, 0.5, "see", "heron")],
    }
    asked = understand(QUESTION, names, NOW)
    return Case(QUESTION, names, NOW, asked, b"vector", (), (turns, turns))


@pytest.mark.parametrize("ingredient", INGREDIENTS, ids=lambda each: each.name)
def test_without_an_ingredient_it_speaks_for_nothing_and_with_it_it_does(
    ingredient: Ingredient,
) -> None:
    def spoken(case: Case) -> set[str]:
        return {signal.name for each in case.ranked() for signal in each.signals}

    assert ingredient.bears(case())
    assert ingredient.name in spoken(case())
    assert ingredient.name not in spoken(ingredient.without(case()))


def test_what_takes_longer_costs_more_and_the_least_of_the_rounds_counts() -> None:
    amounts = iter([1_000_000, 1_000, 1_000])
    took = least({"less": lambda: sum(range(10)), "more": lambda: sum(range(next(amounts)))}, 3)
    assert 0 <= took["less"] < took["more"] < 1


def test_an_ingredient_is_timed_with_the_questions_that_it_bears_on() -> None:
    plain = replace(case(), asked=understand("heron", (), NOW))
    assert {"timed", "dated"} <= set(ranking([plain, case()]))
    assert not {"timed", "dated"} & set(ranking([plain]))
    assert ranking([plain])[WHOLE] > 0


def test_the_command_prints_a_row_for_each_ingredient(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--dataset", str(EXAMPLE)]) == 0
    rows = [
        line.split("|")[1].strip() for line in capsys.readouterr().out.splitlines() if "|" in line
    ]
    bearing = {f"`{each.name}`" for each in INGREDIENTS} - {"`timed`", "`dated`"}
    assert bearing <= set(rows)
    assert {"the query's vector", "vector", "words", "signals"} <= set(rows)
