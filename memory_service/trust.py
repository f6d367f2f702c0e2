"""Keeping memories that may try to instruct a model away from models."""

from __future__ import annotations

from dataclasses import replace

from memory_service.domain.filters import Filter, Untrusted
from memory_service.domain.searching import SearchQuery, SearchResult


def trusted_only(query: SearchQuery) -> SearchQuery:
    """Return the same search, but for memories that may try to instruct the model."""
    selection = query.selection
    both = Filter(must=(Untrusted(value=False), selection.filter))
    return replace(query, selection=replace(selection, filter=both))


def without_untrusted(result: SearchResult) -> SearchResult:
    """Return what was found without what was untrusted at the time that is looked back to."""
    return replace(result, hits=tuple(hit for hit in result.hits if not hit.memory.untrusted))
