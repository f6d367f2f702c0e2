"""Tools on long-term memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentmemory.v1 import memory_pb2

from memory_service.clock import Clock
from memory_service.domain.changes import Decision
from memory_service.domain.errors import MemoryNotFound
from memory_service.domain.memory import Memory
from memory_service.domain.searching import SearchQuery
from memory_service.guarding import Guard
from memory_service.long_term import LongTermMemory
from memory_service.search import Search
from memory_service.tools import results
from memory_service.tools.arguments import BadCall
from memory_service.tools.caller import Action, Caller, Outcome
from memory_service.tools.catalogue import DEFAULT_HITS, LONGEST_NAME
from memory_service.tools.given_memories import TYPES, new_memories, new_values
from memory_service.tools.times import read_time
from memory_service.translate import fields, searches
from memory_service.trust import trusted_only
from memory_service.updating import MemoryUpdates
from memory_service.use_notes import UseNotes

_SEARCHED = {**TYPES, "message": memory_pb2.MEMORY_TYPE_MESSAGE}
_READ_ONLY = "this memory is shared: it can only be read"
_NONE_OF_THEM = "there is no memory of any of these ids"


class MemoryTools:
    """Search, create, edit, delete, read: through the services that the RPCs call."""

    def __init__(
        self,
        search: Search,
        long_term: LongTermMemory,
        updates: MemoryUpdates,
        guard: Guard,
        use: UseNotes,
        clock: Clock,
    ) -> None:
        self._search = search
        self._long_term = long_term
        self._updates = updates
        self._guard = guard
        self._use = use
        self._clock = clock

    def actions(self) -> Mapping[str, Action]:
        """Return what is done by the tools' own names."""
        return {
            "search_memories": self._find,
            "create_memories": self._create,
            "edit_memory": self._edit,
            "delete_memories": self._delete,
            "get_memory": self._get,
        }

    async def _find(self, caller: Caller, given: dict[str, Any]) -> Outcome:
        query = _query(caller, given, now=self._clock.now())
        found = await self._search.find(trusted_only(query), time_left=caller.time_left)
        self._use.note(hit.memory for hit in found.hits)
        return Outcome(results.hits(found.hits, degraded=found.degraded))

    async def _create(self, caller: Caller, given: dict[str, Any]) -> Outcome:
        created = await self._long_term.create(
            caller.owner,
            await new_memories(given["memories"], self._guard),
            caller.request,
            time_left=caller.time_left,
        )
        answer = [_decided(decision) for decision in created.decisions]
        return Outcome({"results": answer}, created.revision)

    async def _edit(self, caller: Caller, given: dict[str, Any]) -> Outcome:
        id_ = fields.identifier(given.pop("id"), "id", required=True)
        if not given:
            raise BadCall("arguments: give at least one thing that is to change")
        values = await new_values(given, self._guard)
        try:
            changed = await self._updates.update(
                caller.owner,
                id_,
                values,
                etag="",
                request=caller.request,
                time_left=caller.time_left,
            )
        except MemoryNotFound:
            if await self._of_others(caller, [id_]):
                raise BadCall(f"id: {_READ_ONLY}") from None
            raise
        return Outcome({"memory": results.memory(changed.memory)}, changed.revision)

    async def _delete(self, caller: Caller, given: dict[str, Any]) -> Outcome:
        ids = [fields.identifier(each, f"ids[{i}]") for i, each in enumerate(given["ids"])]
        deleted = await self._long_term.delete(
            caller.owner, ids, etag="", dry_run=False, request=caller.request
        )
        of_others = [memory.id for memory in await self._of_others(caller, deleted.missing)]
        if not deleted.count:
            raise BadCall(f"ids: {_READ_ONLY if of_others else _NONE_OF_THEM}")
        missing = [id_ for id_ in deleted.missing if id_ not in of_others]
        left = {"missing_ids": missing, "read_only_ids": of_others}
        told = {name: which for name, which in left.items() if which}
        return Outcome({"deleted": deleted.count, **told}, deleted.revision)

    async def _get(self, caller: Caller, given: dict[str, Any]) -> Outcome:
        id_ = fields.identifier(given["id"], "id", required=True)
        own, _ = await self._long_term.get_many(caller.owner, [id_])
        found = own or await self._of_others(caller, [id_])
        if not found:
            raise MemoryNotFound
        return Outcome({"memory": results.memory(found[0])})

    async def _of_others(self, caller: Caller, ids: Sequence[str]) -> list[Memory]:
        """Return those that the caller finds, though they are not its own."""
        others = caller.others if ids else ()
        found = [await self._long_term.get_many(owner, ids) for owner in others]
        return [memory for memories, _ in found for memory in memories]


def _query(caller: Caller, given: Mapping[str, Any], *, now: int) -> SearchQuery:
    options = memory_pb2.SearchOptions(
        visibility=caller.visibility,
        types=[_SEARCHED[name] for name in given.get("types", ())],
        filter=memory_pb2.Filter(must=_conditions(given)),
    )
    limit = given.get("limit", DEFAULT_HITS)
    return searches.query(
        caller.tenant, caller.scope, given["query"], options, limit=limit, now=now
    )


def _conditions(given: Mapping[str, Any]) -> list[memory_pb2.Condition]:
    found = []
    for name, field in (
        ("topics", memory_pb2.TAG_FIELD_TOPIC),
        ("entities", memory_pb2.TAG_FIELD_ENTITY),
    ):
        if values := given.get(name):
            spelt = dict.fromkeys(way for value in values for way in _spellings(value))
            any_of = memory_pb2.StringList(values=spelt)
            tag = memory_pb2.TagCondition(field=field, any_of=any_of)
            found.append(memory_pb2.Condition(tag=tag))
    if "after" in given or "before" in given:
        found.append(memory_pb2.Condition(time=_range(given)))
    return found


def _spellings(name: str) -> list[str]:
    """As a name may stand in a memory: a model writes it as the user did, "emma" for "Emma"."""
    ways = (name, name.lower(), name.title(), name.upper())
    return [way for way in ways if len(way) <= LONGEST_NAME]


def _range(given: Mapping[str, Any]) -> memory_pb2.TimeRange:
    bounds = {
        bound: fields.timestamp(read_time(given[name], name).micros)
        for name, bound in (("after", "start"), ("before", "end"))
        if name in given
    }
    return memory_pb2.TimeRange(
        field=memory_pb2.TIME_FIELD_EVENT_TIME,
        start=bounds.get("start"),
        end=bounds.get("end"),
    )


def _decided(decision: Decision) -> results.Result:
    found: results.Result = {"outcome": decision.outcome.value}
    return {**found, "memory": results.memory(decision.memory)} if decision.memory else found
