"""Until when a caller waits."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment of the monotonic clock, in seconds; None for a caller who has not said one."""

    ends: float | None

    @classmethod
    def after(cls, seconds: float | None) -> Deadline:
        """Return the deadline that is so far off."""
        return cls(None if seconds is None else time.monotonic() + seconds)

    @property
    def left(self) -> float | None:
        """Seconds until then, 0 or more."""
        return None if self.ends is None else max(0.0, self.ends - time.monotonic())

    def share(self, part: float) -> float | None:
        """Return this part of what is left, in seconds."""
        left = self.left
        return None if left is None else left * part
