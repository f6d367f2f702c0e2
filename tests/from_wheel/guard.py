"""A plugin of pytest: the packages under test are those that the wheel installed.

Tests that look at the source tree itself, which is not there, say why by the marker `source_tree`
and are left out.
"""

from __future__ import annotations

import sys
import sysconfig
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

import pytest

PACKAGES = ("agentmemory", "memory_service", "extractor_service", "service_kit")


def pytest_configure() -> None:
    """End the run if a package is not the installed one."""
    installed = Path(sysconfig.get_path("purelib"))
    for package in PACKAGES:
        spec = find_spec(package)
        found = spec.origin if spec else None
        if found is None or Path(found).parent != installed / package:
            raise pytest.UsageError(f"{package} is not from the wheel: {found}")
    if sys.prefix == sys.base_prefix:
        raise pytest.UsageError("this is no virtual environment")
    told = distribution("agent-memory-grpc").read_text("direct_url.json") or ""
    if "archive_info" not in told:
        raise pytest.UsageError("the project was not installed from a wheel")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs the source tree; each such test says why."""
    left_out = [item for item in items if item.get_closest_marker("source_tree")]
    for item in left_out:
        marker = item.get_closest_marker("source_tree")
        if marker is None or len(marker.args) != 1:
            raise pytest.UsageError(f"{item.nodeid}: source_tree has one argument, the reason")
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("source_tree")]
