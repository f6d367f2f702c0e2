"""Puts tables between the markers of a page: `<!-- measured: name -->` and `<!-- end -->`."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PART = re.compile(r"(<!-- measured: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def parts(page: str) -> list[str]:
    """Return the names of the parts that are measured."""
    return [name for _, name, _ in _PART.findall(page)]


def rewritten(page: str, tables: Mapping[str, str]) -> str:
    """Return the page with these tables; KeyError if one is missing."""
    return _PART.sub(lambda found: f"{found[1]}{tables[found[2]].strip()}\n{found[3]}", page)
