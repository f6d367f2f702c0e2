"""What makes a repeat of a write harmless."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestKey:
    """A caller's request_id for one method, and the hash of the request's other arguments."""

    method: str
    id: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Job:
    """How far a request has come that needs more than one write, and when it was begun.

    `sample` are some of the ids that it was done for.
    """

    began: int
    done: int = 0
    sample: tuple[str, ...] = ()
