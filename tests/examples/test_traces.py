"""`make traces` shows both traces whole."""

from __future__ import annotations

import pytest

from examples.tracing.__main__ import main


async def test_it_shows_a_trace_of_an_append_to_the_commit_and_one_of_a_search(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await main() == 0
    appended, searched = capsys.readouterr().out.split("\nSearchMemories:\n")
    for name in ("MemoryService/AppendMessages", "  extract session", "    commit memories"):
        assert any(line.startswith(f"{name} ") for line in appended.splitlines())
    for name in ("MemoryService/SearchMemories", "      embed batch", "  FT.SEARCH"):
        assert any(line.startswith(f"{name} ") for line in searched.splitlines())
    assert "Alice" not in appended + searched
