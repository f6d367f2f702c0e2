"""Write configuration.md from the settings classes: `python docs/configuration.py [--check]`."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic_settings import BaseSettings

from extractor_service.settings import ExtractorSettings
from memory_service.settings import MemorySettings
from service_kit.command_line import Setting, settings_of

PAGE = Path(__file__).parent / "configuration.md"

HEAD = """# Configuration

Made from the settings by `make docs`. All are environment variables; `--help` of each service lists
them, too. An empty one counts as not set, and one that is wrong ends the start with a line that
names it, never its value. How they are set on Kubernetes: [deploying.md](deploying.md).
"""

SERVICES: dict[str, type[BaseSettings]] = {
    "MemoryService: `python -m memory_service`": MemorySettings,
    "ExtractorService: `python -m extractor_service`": ExtractorSettings,
}


def page() -> str:
    """The text of the page."""
    return HEAD + "".join(section(title, of) for title, of in SERVICES.items())


def section(title: str, settings_class: type[BaseSettings]) -> str:
    """A table of one service's settings."""
    rows = (row(setting) for setting in settings_of(settings_class))
    return f"\n## {title}\n\n| variable | type, default | |\n|---|---|---|\n{''.join(rows)}"


def row(setting: Setting) -> str:
    """A setting's row."""
    names = " or ".join(f"`{name}`" for name in setting.variables)
    cells = (names, setting.kind, setting.description)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def main() -> int:
    """Write, or check, the page."""
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page())
        return 0
    if PAGE.is_file() and PAGE.read_text() == page():
        return 0
    sys.stderr.write(f"{PAGE.name} is stale: make docs\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
