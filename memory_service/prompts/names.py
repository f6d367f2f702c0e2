"""Names as chat APIs take them. Pure."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 64
_REFUSED = re.compile(r"[^a-zA-Z0-9_-]+")


def tool_name(name: str) -> str:
    """Return a tool's name, each run of characters that both APIs refuse as an underscore."""
    return _REFUSED.sub("_", name)[:LONGEST] or "_"


def speaker_name(name: str) -> str:
    """Return a speaker's name in ASCII, nothing if letters would be lost or it is too long.

    "Zoë K." gives "Zoe_K", "北京" nothing.
    """
    plain = "".join(
        each for each in unicodedata.normalize("NFKD", name) if not unicodedata.combining(each)
    )
    if any(each.isalnum() and not each.isascii() for each in plain):
        return ""
    found = _REFUSED.sub("_", plain).strip("_")
    return found if len(found) <= LONGEST else ""


def spoken(name: str, content: str) -> str:
    """Return what somebody said with the name before it."""
    one_line = " ".join(name.split())
    return f"{one_line}: {content}" if one_line else content
