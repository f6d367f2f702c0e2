"""What makes a repeat of a write harmless."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestKey:
    """A caller's request_id for one method, and the hash of the request's other arguments."""

    method: str
    id: str
    arguments: str
