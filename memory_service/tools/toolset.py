"""The tools that a model is given, under the names that it knows them by. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from memory_service.domain.errors import InvalidField
from memory_service.tools.catalogue import TOOLS, Tool

MAX_DESCRIPTION = 4 * 1024
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Override:
    """What a tool is called and how it is described instead; empty: as it is."""

    tool: str
    name: str = ""
    description: str = ""


Toolset = Mapping[str, tuple[str, Tool]]
"""Name that the model knows -> the tool's own name, and the tool as the model sees it."""


def toolset(names: Sequence[str], overrides: Sequence[Override]) -> Toolset:
    """Return the tools of these own names, or all. Raises InvalidField."""
    for i, name in enumerate(names):
        if name not in TOOLS:
            raise InvalidField(f"names[{i}]", "is no tool")
    changed = _checked(overrides)
    found: dict[str, tuple[str, Tool]] = {}
    for own in dict.fromkeys(names) or TOOLS:
        at, override = changed.get(own, (0, Override(own)))
        name = override.name or own
        if name in found:
            raise InvalidField(f"overrides[{at}].name", "is the name of two tools")
        description = override.description or TOOLS[own].description
        found[name] = (own, replace(TOOLS[own], name=name, description=description))
    return found


def _checked(overrides: Sequence[Override]) -> dict[str, tuple[int, Override]]:
    found: dict[str, tuple[int, Override]] = {}
    for i, each in enumerate(overrides):
        at = f"overrides[{i}]"
        if each.tool not in TOOLS:
            raise InvalidField(f"{at}.tool", "is no tool")
        if each.tool in found:
            raise InvalidField(f"{at}.tool", "comes twice")
        if each.name and not _NAME.fullmatch(each.name):
            raise InvalidField(f"{at}.name", "must be 1 to 64 of letters, digits, _ and -")
        if len(each.description.encode()) > MAX_DESCRIPTION:
            raise InvalidField(f"{at}.description", f"is longer than {MAX_DESCRIPTION} bytes")
        found[each.tool] = (i, each)
    return found
