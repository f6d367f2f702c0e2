"""What is made from settings, pins and panels is as the sources say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from extractor_service.settings import ExtractorSettings
from memory_service.settings import MemorySettings

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "script",
    ["docs/configuration.py", "docs/licences.py", "deploy/components/monitoring/dashboards.py"],
)
def test_what_is_generated_is_current(script: str) -> None:
    checked = subprocess.run(
        [sys.executable, str(ROOT / script), "--check"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_nothing_is_pinned_that_no_part_of_the_project_needs() -> None:
    rows = re.findall(r"^\| (\S+) \| .* \| (.*) \|$", (ROOT / "docs/licences.md").read_text(), re.M)
    assert dict(rows)["grpcio"].startswith("base")
    assert [package for package, needed_by in rows if not needed_by] == []


def test_every_setting_is_in_the_page_about_settings_with_what_it_does() -> None:
    page = (ROOT / "docs/configuration.md").read_text()
    for prefix, settings in (("MEMORY", MemorySettings), ("EXTRACTOR", ExtractorSettings)):
        for name, field in settings.model_fields.items():
            assert f"`{prefix}_{name.upper()}`" in page
            assert field.description
            assert field.description.replace("|", "\\|") in page


def test_a_setting_that_another_tells_of_is_named_as_it_is_set() -> None:
    page = (ROOT / "docs/configuration.md").read_text()
    variables = set(re.findall(r"`([A-Z0-9_]+)`(?= \| | or )", page))
    without_prefix = {name.partition("_")[2] for name in variables} - variables
    told = set(re.findall(r"\b[A-Z]+(?:_[A-Z0-9]+)+\b", page))
    assert told & without_prefix == set()
