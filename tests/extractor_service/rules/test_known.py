"""Whom "the dog" can mean is looked for in a bounded text, and not once for each dog."""

from __future__ import annotations

import re

import pytest

from extractor_service.domain import Role, Turn
from extractor_service.rules import CONTEXT_TURNS, RulesExtractor, known
from extractor_service.rules.parse import MAX_PARSED_CHARS, parse
from extractor_service.rules.speaker import Participants

from .conftest import NOW

ALICE = Participants("Alice", None)


class Searches:
    """Stands for `re` and notes how many characters each search goes through."""

    IGNORECASE = re.IGNORECASE
    escape = staticmethod(re.escape)

    def __init__(self) -> None:
        self.lengths: list[int] = []

    def compile(self, pattern: str, flags: re.RegexFlag) -> Searches:
        self._pattern = re.compile(pattern, flags)
        return self

    def search(self, text: str) -> re.Match[str] | None:
        self.lengths.append(len(text))
        return self._pattern.search(text)


def pointed_at(extractor: RulesExtractor, text: str, *before: str) -> list[tuple[str, int]]:
    """What is pointed at in the text, and the number of its word."""
    context = [Turn(f"before-{i}", Role.USER, "Bob", said, NOW) for i, said in enumerate(before)]
    doc = parse(extractor._nlp, text)
    return [(each.name, each.start) for each in known.pointed_at(doc, ALICE, context)]


def test_each_word_is_looked_for_once_in_what_is_read_of_each_turn(
    extractor: RulesExtractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches = Searches()
    monkeypatch.setattr(known, "re", searches)
    long = "Nothing of interest here. " * 2_000
    found = pointed_at(extractor, "I fed the dog. I fed the cat. " * 10, *[long] * CONTEXT_TURNS)
    assert len(found) == 20
    assert len(searches.lengths) <= 2 * (CONTEXT_TURNS + 1)
    assert max(searches.lengths) <= MAX_PARSED_CHARS + 1


@pytest.mark.parametrize(
    ("text", "before", "words"),
    [
        ("I fed the dog.", [], [3]),
        ("I fed the dog. I saw a dog.", [], [3]),
        ("I fed the dog. I saw a dog. I fed the dog.", [], [3]),
        ("I saw a dog. I fed the dog. I fed the cat.", [], [13]),
        ("I saw a dog called Rex. I fed the dog.", [], [10]),
        ("I saw her big dog. I fed the dog.", [], []),
        ("I fed the dog.", ["Mia's dog barked."], []),
        ("I fed the dog. I fed the cat.", ["Hi.", "I saw a dog."], [8]),
        ("I fed the dog.", ["I have a dog called Rex."], [3]),
    ],
)
def test_the_dog_is_pointed_at_until_another_is_spoken_of(
    extractor: RulesExtractor, text: str, before: list[str], words: list[int]
) -> None:
    assert [start for _, start in pointed_at(extractor, text, *before)] == words
