"""What the documents promise is held by tests that exist, and set by settings that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from extractor_service.settings import ExtractorSettings
from memory_service.settings import MemorySettings
from service_kit.command_line import variables

ROOT = Path(__file__).parents[2]
GUARANTEES = (ROOT / "docs/guarantees.md").read_text()
SECURITY = (ROOT / "SECURITY.md").read_text()
ROWS = [
    row
    for row in re.findall(r"^\| (.*) \|$", GUARANTEES, re.MULTILINE)
    if not row.startswith("guarantee |")
]
SETTINGS = {
    variable
    for settings in (MemorySettings, ExtractorSettings)
    for name in settings.model_fields
    for variable in variables(settings, name)
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split(".")[0][:60])
def test_a_guarantee_names_tests_that_exist(row: str) -> None:
    said, _, held = row.partition(" | ")
    assert said.endswith(".")
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", held)
    assert named
    for file, test in named:
        assert (ROOT / file).is_file(), file
        if test:
            defined = {
                node.name
                for node in ast.walk(ast.parse((ROOT / file).read_text()))
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            }
            assert test in defined, test


def test_settings_that_are_named_exist() -> None:
    bare = {name.split("_", 1)[1] for name in SETTINGS}
    named = re.findall(r"\b(?:MEMORY|EXTRACTOR)_[A-Z_]*[A-Z]\b", SECURITY)
    prefixes = {"MEMORY_OWNER_MAX", "MEMORY_TENANT_MAX"}
    assert set(named) - SETTINGS - bare - prefixes == set()
    assert len(named) > 20
