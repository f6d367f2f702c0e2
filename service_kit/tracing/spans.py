"""What the parts of a service say to a trace, whether there is one or not.

Knows no library of tracing. Who calls says names and numbers only: no text, no ids, no keys.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeAlias

Attributes: TypeAlias = Mapping[str, str | int]

Record: TypeAlias = Callable[[str, int, int, Attributes], None]
"""Adds what was done to a trace: its name, when it began and ended in ns since 1970, attributes."""


class Kind(enum.Enum):
    """Which end of a call or a queue a span is about; INTERNAL is neither."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"
    CONSUMER = "consumer"


class Spans(Protocol):
    """Adds to the trace of what runs right now; where there is none, nothing is made."""

    def span(
        self, name: str, kind: Kind, attributes: Attributes, /
    ) -> AbstractContextManager[None]:
        """Return the span of a part of the work; what it raises is told by its kind alone."""
        ...

    def continued(
        self, name: str, kind: Kind, origins: Sequence[str], attributes: Attributes, /
    ) -> AbstractContextManager[None]:
        """Return a span that goes on with the trace of the first origin, and links to the others.

        Origins are what `carried` gave, in another task or process; nothing is made without one.
        """
        ...

    def carried(self) -> str:
        """Return what another goes on from, a `traceparent`; empty if nothing is to be told."""
        ...

    def recorder(self) -> Record | None:
        """Return what adds to this trace from another task; None if nothing is to be told."""
        ...


_NOTHING: AbstractContextManager[None] = nullcontext()


def no_span() -> AbstractContextManager[None]:
    """Return what stands where a span would be."""
    return _NOTHING


class NoSpans:
    """There is no trace."""

    def span(
        self, name: str, kind: Kind, attributes: Attributes, /
    ) -> AbstractContextManager[None]:
        """Return nothing that matters."""
        return _NOTHING

    def continued(
        self, name: str, kind: Kind, origins: Sequence[str], attributes: Attributes, /
    ) -> AbstractContextManager[None]:
        """Return nothing that matters."""
        return _NOTHING

    def carried(self) -> str:
        """Return nothing to carry."""
        return ""

    def recorder(self) -> Record | None:
        """Return nobody to tell."""
        return None


NO_SPANS: Spans = NoSpans()
