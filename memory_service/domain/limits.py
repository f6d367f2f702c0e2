"""How much an owner, or a tenant, may have; None is no limit. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Quota:
    """Most memories, bytes and sessions.

    Bytes are those of memories, with what is kept beside their text, and of sessions' messages;
    vectors and indexes, earlier states and sessions' data are not counted.
    """

    memories: int | None = None
    bytes: int | None = None
    sessions: int | None = None

    @property
    def limits(self) -> dict[str, int]:
        """The limits that there are, by name."""
        return {name: most for name, most in asdict(self).items() if most is not None}

    def reached(self, used: Quota) -> str | None:
        """Name the limit that leaves no room for anything more, if there is one."""
        taken = used.limits
        full = (name for name, most in self.limits.items() if taken.get(name, 0) >= most)
        return next(full, None)


UNLIMITED = Quota()
