"""What is said, what is remembered and what is not: the tables in `cases/` are read and played.

Alice speaks unless `speaker` says otherwise ("" has no name), on Thursday 25 May 2023. `before` are
the turns before, oldest first, as "Name: text"; the name "assistant" is the assistant's role. With
`role = "assistant"` the assistant speaks, and what it did is asked for. `known` are those known
from before, as "Emma: sister of Alice (person)". `expect` is all that is remembered, in order;
`expect_not` must be in none of it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extractor_service.domain import KnownEntity, Role, Setting, Turn
from extractor_service.rules import RulesExtractor

from .conftest import NOW

FOLDER = Path(__file__).with_name("cases")
LEAST_CASES = 150


def cases() -> Iterator[Any]:
    for path in sorted(FOLDER.glob("*.toml")):
        for case in tomllib.loads(path.read_text())["case"]:
            yield pytest.param(case, id=f"{path.stem}: {case['say']}")


CASES = list(cases())


def earlier(number: int, line: str) -> Turn:
    name, _, text = line.partition(": ")
    if name == "assistant":
        return Turn(f"before-{number}", Role.ASSISTANT, "", text, NOW)
    return Turn(f"before-{number}", Role.USER, name, text, NOW)


def known_entity(line: str) -> KnownEntity:
    found = re.fullmatch(r"(.+): (.+) of (.+) \((.+)\)", line)
    assert found is not None, line
    name, relation, of, kind = found.groups()
    return KnownEntity(name, kind, relation, of)


@pytest.mark.parametrize("case", CASES)
def test_what_is_said_is_remembered_as_the_table_has_it(
    extractor: RulesExtractor, case: dict[str, Any]
) -> None:
    context = [earlier(number, line) for number, line in enumerate(case.get("before", []))]
    role = Role(case.get("role", "user"))
    speaker = case.get("speaker", "Alice") if role is Role.USER else ""
    turn = Turn("turn", role, speaker, case["say"], NOW)
    known = tuple(known_entity(line) for line in case.get("known", []))
    setting = Setting(known, include_assistant=role is Role.ASSISTANT)
    texts = [finding.text for finding in extractor.extract(turn, context, setting)]
    assert texts == case["expect"]
    assert not [text for text in texts for bad in case.get("expect_not", []) if bad in text]


def test_the_tables_are_large() -> None:
    assert len(CASES) >= LEAST_CASES
