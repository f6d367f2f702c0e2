"""What the service is, said as simply as can be: dictionaries and lists, for tests to compare with.

One owner's memories and sessions. Memories are of callers only: nothing here extracts.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any


class Refused(Exception):
    """The reason for which a call is refused."""


@dataclass(frozen=True)
class Fact:
    """What a memory says, and whose place it took or who took its."""

    text: str
    topics: tuple[str, ...] = ()
    pinned: bool = False
    metadata: tuple[tuple[str, str], ...] = ()
    supersedes: tuple[str, ...] = ()
    superseded_by: str = ""

    @property
    def says(self) -> str:
        return self.text.casefold().rstrip(" .!")


@dataclass
class ModelOwner:
    """An owner's memories by id, in the order in which they were created, and their past."""

    facts: dict[str, Fact] = field(default_factory=dict)
    past: dict[str, list[Fact]] = field(default_factory=dict)

    def current(self) -> dict[str, Fact]:
        return {id_: fact for id_, fact in self.facts.items() if not fact.superseded_by}

    def saying(self, fact: Fact) -> str | None:
        return next((id_ for id_, each in self.current().items() if each.says == fact.says), None)

    def create(self, id_: str, fact: Fact) -> tuple[str, str | None]:
        """Return the outcome, and the id of the memory that stands for it now."""
        same = self.saying(fact)
        known = self.facts.get(id_)
        done = known and known.says == fact.says and {*fact.supersedes} <= {*known.supersedes}
        if same is None and done:
            return "DUPLICATE", id_
        taken = self.facts[same].supersedes if same else ()
        if any(other not in (*self.current(), *taken) for other in fact.supersedes):
            return "SUPERSEDED_MISSING", None
        if same is None and known:
            return "ID_REUSED", None
        if same is None:
            self.facts[id_] = replace(fact, supersedes=())
        stands = same or id_
        others = [other for other in fact.supersedes if other != stands and other in self.current()]
        for other in others:
            self._change(other, superseded_by=stands)
        if others:
            before = self.facts[stands]
            names = tuple(dict.fromkeys((*before.supersedes, *others)))
            if same is None:
                self.facts[stands] = replace(before, supersedes=names)
            else:
                self._change(stands, supersedes=names)
            return "SUPERSEDING", stands
        return ("DUPLICATE", same) if same else ("CREATED", id_)

    def update(self, id_: str, **values: Any) -> Fact:
        after = replace(self._known(id_), **values)
        self._check_unique(id_, after)
        self._change(id_, **values)
        return self.facts[id_]

    def delete(self, ids: list[str]) -> int:
        there = [id_ for id_ in dict.fromkeys(ids) if id_ in self.facts]
        for id_ in there:
            self.past.setdefault(id_, []).append(self.facts.pop(id_))
        return len(there)

    def restore(self, id_: str) -> Fact:
        if id_ not in self.facts and id_ not in self.past:
            raise Refused("MEMORY_NOT_FOUND")
        if not self.past.get(id_):
            raise Refused("MEMORY_NOT_FOUND")
        target = self.past[id_][-1]
        if id_ in self.facts:
            if target != self.facts[id_]:
                self._check_unique(id_, target)
            self._become(id_, target)
        else:
            self._check_unique(id_, target)
            self.facts[id_] = target
        return self.facts[id_]

    def _known(self, id_: str) -> Fact:
        if id_ not in self.facts:
            raise Refused("MEMORY_NOT_FOUND")
        return self.facts[id_]

    def _check_unique(self, id_: str, fact: Fact) -> None:
        same = self.saying(fact)
        if (
            not fact.superseded_by
            and same is not None
            and same != id_
            and fact != self.facts.get(id_)
        ):
            raise Refused("MEMORY_EXISTS")

    def _change(self, id_: str, **values: Any) -> None:
        self._become(id_, replace(self.facts[id_], **values))

    def _become(self, id_: str, after: Fact) -> None:
        before = self.facts[id_]
        if after != before:
            self.past.setdefault(id_, []).append(before)
            self.facts[id_] = after


@dataclass
class ModelSession:
    """A session's messages as (id, text), and the data kept with it."""

    messages: list[tuple[str, str]] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)

    def append(self, new: list[tuple[str, str]]) -> None:
        """Append messages; an empty id stands for the sequence."""
        by_id = dict(self.messages)
        for id_, text in new:
            if id_ and by_id.setdefault(id_, text) != text:
                raise Refused("MESSAGE_ID_REUSED")
        for id_, text in new:
            if not id_ or (id_, text) not in self.messages:
                self.messages.append((id_ or str(len(self.messages) + 1), text))


def merged(data: dict[str, Any], patch: dict[str, Any], *, deep: bool) -> dict[str, Any]:
    """RFC 7396, at every depth or at the top alone."""
    after = dict(data)
    for key, value in patch.items():
        if value is None:
            after.pop(key, None)
        elif deep and isinstance(value, dict):
            old = after.get(key)
            after[key] = merged(old if isinstance(old, dict) else {}, value, deep=True)
        else:
            after[key] = value
    return after
