"""Texts that are longer than whoever reads them takes. Pure."""

from __future__ import annotations

EXTRACTOR_BYTES = 32 * 1024
"""Of each text, what the extractor takes; its models read less of it."""


def beginning(text: str, count: int = EXTRACTOR_BYTES) -> str:
    """Return the first `count` bytes of a text, in whole characters."""
    return text.encode()[:count].decode(errors="ignore")
