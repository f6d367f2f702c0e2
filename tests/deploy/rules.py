"""The alerts as Prometheus takes them, and its own tool to check and to try them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

MONITORING = Path(__file__).parents[2] / "deploy" / "components" / "monitoring"

NO_PROMTOOL = (
    "" if shutil.which("promtool") else "promtool is not installed: Debian's package prometheus"
)


def alerts() -> list[dict[str, Any]]:
    """The rules of the manifest."""
    (group,) = _groups()
    return list(group["rules"])


def _groups() -> list[dict[str, Any]]:
    return list(yaml.safe_load((MONITORING / "rules.yaml").read_text())["spec"]["groups"])


def promtool(folder: Path, *arguments: str, tests: list[dict[str, Any]] | None = None) -> str:
    """Run promtool on the rules in a folder, with tests of them, and return what it says."""
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": _groups()}))
    content = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests or []}
    (folder / "tests.yaml").write_text(yaml.safe_dump(content))
    done = subprocess.run(
        ["promtool", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
