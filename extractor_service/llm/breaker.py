"""Leaves an endpoint alone for a while after it has failed several times in a row."""

from __future__ import annotations


class Breaker:
    """Counts failures in a row. Times are seconds of any one clock.

    After a pause one call at a time is let through, until one succeeds: others are not made to wait
    for an endpoint that may still be dead.
    """

    def __init__(self, failures: int, pause: float) -> None:
        """Skip for `pause` seconds after so many failures in a row."""
        self._most = failures
        self._pause = pause
        self._failures = 0
        self._closed_until = 0.0

    @property
    def skipping(self) -> bool:
        """Whether it has failed too often, and has not succeeded since."""
        return self._failures >= self._most

    def admits(self, now: float) -> bool:
        """Whether a call is to be made; if it is the one after a pause, the next pause begins."""
        if not self.skipping:
            return True
        if now < self._closed_until:
            return False
        self._closed_until = now + self._pause
        return True

    def succeeded(self) -> None:
        """Take note of an answer."""
        self._failures = 0

    def failed(self, now: float) -> None:
        """Take note of a failure."""
        self._failures += 1
        self._closed_until = now + self._pause
