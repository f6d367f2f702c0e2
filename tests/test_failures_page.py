"""What the page about failures names is there: tests, metrics, reasons, settings, help."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from agentmemory.v1 import errors_pb2

from tests.support.sources import files

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/failures.md").read_text()
ROWS = re.findall(r"^\| ((?!what fails|-).*) \|$", PAGE, re.MULTILINE)
SOURCES = "".join(path.read_text() for path in files())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split(" | ")[0])
def test_a_failure_is_shown_by_tests_that_exist(row: str) -> None:
    cells = row.split(" | ")
    assert len(cells) == 7
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", cells[-1])
    assert named
    for file, test in named:
        assert test in functions(ROOT / file), test


def functions(file: Path) -> set[str]:
    tree = ast.walk(ast.parse(file.read_text()))
    return {node.name for node in tree if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_metrics_and_settings_that_are_named_exist() -> None:
    metrics = set(re.findall(r"`((?:memory|extractor|grpc|build)_\w+)", PAGE))
    assert len(metrics) > 20
    assert [name for name in sorted(metrics) if f'"{name}"' not in SOURCES] == []
    settings = re.findall(r"`MEMORY_(\w+)`", PAGE)
    assert settings
    assert [name for name in settings if f"    {name.lower()}: " not in SOURCES] == []


def test_reasons_that_are_named_are_of_the_contract() -> None:
    named = set(re.findall(r"\b[A-Z]+_(?:UNAVAILABLE|TIMEOUT|EXCEEDED)\b|\bOVERLOADED\b", PAGE))
    known = {
        name.removeprefix("ERROR_REASON_")
        for name in errors_pb2.ErrorReason.DESCRIPTOR.values_by_name
    }
    assert named - {"DEADLINE_EXCEEDED"} <= known
    assert {"STORE_UNAVAILABLE", "EXTRACTOR_UNAVAILABLE", "SEARCH_TIMEOUT"} <= named


def test_sections_of_the_runbook_that_are_named_exist() -> None:
    sections = re.findall(r"^## (\w+)$", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE)
    named = re.findall(r"\[(\w+)\]\(runbook\.md#(\w+)\)", PAGE)
    assert named
    for title, anchor in named:
        assert title in sections
        assert title.lower() == anchor
