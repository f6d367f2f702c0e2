"""README, Makefile and CI speak of the same commands."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from agentmemory.v1 import extractor_service_pb2, memory_service_pb2

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = [
    *(ROOT / name for name in ("README.md", "SECURITY.md", "CHANGELOG.md", "protos/REFERENCE.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


def test_every_command_of_the_readme_is_in_the_makefile() -> None:
    commands = set(re.findall(r"\bmake ([a-z][a-z-]*)", README))
    assert {"demo", "run", "test", "lint", "protos"} <= commands
    assert commands <= TARGETS


def test_make_alone_lists_the_commands_that_the_readme_has() -> None:
    listed = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    names = set(re.findall(r"^make ([\w-]+)", listed, re.MULTILINE))
    assert names == TARGETS
    assert set(re.findall(r"\bmake ([a-z][a-z-]*)", README)) == names


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_make_knows_how_to_run_each_command(target: str) -> None:
    planned = subprocess.run(
        ["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert planned.returncode == 0, planned.stderr


def test_ci_installs_what_is_no_package_of_python_and_runs_lint_and_the_tests() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    lines = [line.strip() for line in script.read_text().splitlines()]
    commands = [line for line in lines if line and not line.startswith("#")]
    assert commands == [
        "set -euo pipefail",
        'cd "$(dirname "$0")/.."',
        ".ci/packages",
        "make lint",
        "make test",
    ]


def test_the_workflow_runs_what_ci_runs_and_the_tests_against_the_wheel() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert {name: commands(job) for name, job in workflow["jobs"].items()} == {
        "test": ["sudo .ci/packages", ".ci/run"],
        "wheel": ["sudo .ci/packages", "make test-wheel"],
    }


def commands(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


def links_of(page: Path) -> Iterator[tuple[Path, str]]:
    """The files that a page links to, and the sections of them."""
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if "://" not in link:
            path, _, section = link.partition("#")
            yield (page.parent / path).resolve() if path else page, section


def sections_of(page: Path) -> set[str]:
    """The sections of a page, as links name them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.source_tree("pages link to modules")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_pages_link_to_files_and_sections_that_are_there(page: Path) -> None:
    links = list(links_of(page))
    assert links
    assert [path for path, _ in links if not path.exists()] == []
    for path, section in links:
        assert not section or section in sections_of(path), f"{path.name}#{section}"


def test_every_page_is_reached_from_the_readme() -> None:
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page not in reached:
            reached.add(page)
            todo += [path for path, _ in links_of(page) if path.suffix == ".md"]
    assert set(PAGES) <= reached


def test_the_methods_that_the_readme_names_are_in_the_contract() -> None:
    methods = {
        method.name
        for descriptor in (memory_service_pb2.DESCRIPTOR, extractor_service_pb2.DESCRIPTOR)
        for service in descriptor.services_by_name.values()
        for method in service.methods
    }
    named = set(re.findall(r"`((?:[A-Z][a-z]+){2,})`", README))
    assert {"BuildPrompt", "ListTools", "CallTool", "FlushSession"} <= named
    assert named - {"ErrorReason"} <= methods
