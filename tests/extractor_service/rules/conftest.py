"""One extractor on the real model for all tests of the rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from extractor_service.domain import Finding, Role, Turn
from extractor_service.rules import RulesExtractor

NOW = datetime(2023, 5, 25, 13, 14, tzinfo=UTC)  # a Thursday

Say = Callable[..., tuple[Finding, ...]]


@pytest.fixture(scope="session")
def extractor() -> RulesExtractor:
    """Loaded once: the model takes a second."""
    return RulesExtractor.load()


@pytest.fixture(scope="session")
def say(extractor: RulesExtractor) -> Say:
    """Extract from one turn of Alice's, after the (speaker, text) turns given."""

    def extract(
        text: str, *before: tuple[str, str], speaker: str = "Alice", now: datetime = NOW
    ) -> tuple[Finding, ...]:
        context = [
            Turn(f"before-{i}", Role.USER, name, said, now) for i, (name, said) in enumerate(before)
        ]
        return extractor.extract(Turn("turn", Role.USER, speaker, text, now), context)

    return extract
