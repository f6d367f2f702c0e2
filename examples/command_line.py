"""The command lines of the examples: `--help` says what each is for, and nothing is started."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def no_arguments(about: str | None) -> None:
    """Take none; end with a line on stderr if there are some."""
    _parser(about).parse_args()


def lines_said(about: str | None) -> Sequence[str]:
    """Return what the user says, one line an argument."""
    parser = _parser(about)
    parser.add_argument("lines", nargs="*", metavar="LINE", help="what the user says, in order")
    lines: list[str] = parser.parse_args().lines
    return lines


def _parser(about: str | None) -> argparse.ArgumentParser:
    spec = sys.modules["__main__"].__spec__
    module = spec.name.removesuffix(".__main__") if spec else sys.argv[0]
    return argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
