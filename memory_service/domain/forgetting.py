"""Decide which memories are forgotten. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What may stay: ages in microseconds, and how many. None: no limit."""

    max_age: int | None = None
    max_inactivity: int | None = None
    max_memories: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What forgetting goes by: when a memory was created and last used, and whether it is pinned.

    Times are microseconds since the epoch.
    """

    id: str
    created: int
    used: int
    pinned: bool


def to_forget(standings: Sequence[Standing], limits: Limits, now: int) -> list[Standing]:
    """Return what is to be forgotten of all that an owner has, the least recently used first.

    Pinned memories stay, and count. The number is that of what the other limits leave, so that
    forgetting once more with the same limits forgets nothing.
    """
    old = [each for each in standings if not each.pinned and _expired(each, limits, now)]
    if limits.max_memories is not None:
        gone = {each.id for each in old}
        left = sorted(
            (each for each in standings if not each.pinned and each.id not in gone), key=_last_used
        )
        excess = len(standings) - len(old) - limits.max_memories
        old += left[: max(excess, 0)]
    return sorted(old, key=_last_used)


def _expired(standing: Standing, limits: Limits, now: int) -> bool:
    too_old = limits.max_age is not None and standing.created < now - limits.max_age
    idle = limits.max_inactivity is not None and standing.used < now - limits.max_inactivity
    return too_old or idle


def _last_used(standing: Standing) -> tuple[int, int, str]:
    return standing.used, standing.created, standing.id
