"""Nobody learns of another's things that they are there, however they are named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from agentmemory.v1 import extractor_service_pb2, memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from google.protobuf.message import Message
from redis.asyncio import Redis

from memory_service.store.keys import OwnerKeys
from tests.contract.snapshot import snapshot
from tests.security.callers import SERVICE, Callers, Outcome
from tests.security.matrix import KEEPS_NOTHING, TOOL_WAYS, WAYS, WHOSE, Asked, Way, called
from tests.security.victim import MARK, NAMESPACE, TENANT, Names, Victim, made_up, sow

USER = "alice"


@dataclass(frozen=True)
class Vantage:
    """From where somebody reaches for what is another's; `{}` tells two such callers apart."""

    tenant: str = TENANT
    namespace: str = NAMESPACE
    user: str = USER
    by_session: bool = False

    def caller(self, which: str) -> Vantage:
        parts = (part.format(which) for part in (self.tenant, self.namespace, self.user))
        return Vantage(*parts, self.by_session)

    def scope(self, session: str) -> memory_pb2.Scope:
        return memory_pb2.Scope(namespace=self.namespace, user_id=self.user, session_id=session)

    def asked(self, victim: Victim, names: Names) -> Asked:
        scope = (lambda _: self.scope(names.session)) if self.by_session else self.scope
        return Asked(scope, names, victim.revision, victim.known)

    def replacements(self, names: Names) -> dict[str, str]:
        whose = {"tenant": self.tenant, "namespace": self.namespace, "user": self.user}
        return names.as_replacements() | whose


VANTAGES = {
    "another tenant": Vantage(tenant="globex {}"),
    "another namespace": Vantage(namespace="sales {}"),
    "another user": Vantage(user="mallory {}"),
    "a lone session of the same id": Vantage(namespace="support", user="", by_session=True),
    "the namespace's shared memories": Vantage(user=""),
}
"""The last two have one owner beside the victim: who compares with them is of another tenant."""

CASES = [(method, way) for method, ways in WAYS.items() for way in ways]


@pytest.fixture(scope="module")
async def victim(callers: Callers) -> Victim:
    victim = await sow(callers, USER, cursor=True)
    for _, way in CASES:
        if way.before is not None and way.name == "request_id":
            await _prepare(callers, victim, way)
    return victim


async def _prepare(callers: Callers, victim: Victim, way: Way) -> None:
    """Let the victim make the write whose request id is used by others then."""
    assert way.before is not None
    request = way.before(Asked(victim.scope, victim.names, victim.revision, victim.known))
    if not isinstance(request, pb.DeleteWorkingMemoryRequest | pb.EraseUserRequest):
        outcome = await callers.outcome(TENANT, request)
        assert outcome.code == "OK", outcome


@pytest.fixture(scope="module")
async def nobodys(victim: Victim) -> Names:
    """Names of nothing; but etags are versions, not names, and anybody may come to the same one."""
    names = victim.names
    return replace(made_up(), memory_etag=names.memory_etag, session_etag=names.session_etag)


@pytest.fixture(scope="module")
async def before(database: Redis, victim: Victim) -> dict[bytes, Any]:
    """All that the victim has, before anybody reaches for it."""
    return await kept(database, victim)


async def kept(database: Redis, victim: Victim) -> dict[bytes, Any]:
    keys = OwnerKeys(victim.owner)
    whole = await snapshot(database)
    return {key: value for key, value in whole.items() if keys.owns(key.decode())}


@pytest.mark.parametrize("vantage", VANTAGES)
@pytest.mark.parametrize(("method", "way"), CASES, ids=lambda v: getattr(v, "name", v))
async def test_what_is_anothers_is_as_if_it_were_not_there(
    callers: Callers,
    victim: Victim,
    nobodys: Names,
    before: dict[bytes, Any],
    vantage: str,
    method: str,
    way: Way,
) -> None:
    """The same calls go to two owners: one names what is there, the other what never was."""
    reaching, guessing = VANTAGES[vantage].caller("1"), VANTAGES[vantage].caller("2")
    if reaching == guessing:
        guessing = Vantage("initech", guessing.namespace, guessing.user, guessing.by_session)
    request = way.request(reaching.asked(victim, victim.names))
    told = await callers.outcome(reaching.tenant, request)
    absent = await callers.outcome(guessing.tenant, way.request(guessing.asked(victim, nobodys)))
    assert without(told, reaching, victim.names) == without(absent, guessing, nobodys)
    assert MARK not in told.answers + told.message or MARK in str(request)


def without(told: Outcome, whose: Vantage, names: Names) -> Outcome:
    return told.without(whose.replacements(names))


async def test_nothing_of_the_victims_was_changed_by_all_that(
    database: Redis, victim: Victim, before: dict[bytes, Any]
) -> None:
    assert await kept(database, victim) == before
    assert any(b":mem:" in key for key in before)


OWNERS_CASES = [(method, way) for method, way in CASES if way.told_apart]


@pytest.mark.parametrize(("method", "way"), OWNERS_CASES, ids=lambda v: getattr(v, "name", v))
async def test_the_owner_is_told_otherwise(
    callers: Callers, victim: Victim, nobodys: Names, method: str, way: Way
) -> None:
    """Or the table would name nothing, and hold nothing."""
    mine = victim if way.needs_cursor else await sow(callers, f"owner of {method} {way.name}")
    asked = Asked(mine.scope, mine.names, mine.revision, mine.known)
    if way.before is not None:
        assert (await callers.outcome(TENANT, way.before(asked))).code == "OK"
    told = await callers.outcome(TENANT, way.request(asked))
    stranger = VANTAGES["another user"].caller(f"of {method} {way.name}")
    absent = await callers.outcome(TENANT, way.request(stranger.asked(mine, nobodys)))
    here = Vantage(user=mine.user)
    assert without(told, here, mine.names) != without(absent, stranger, nobodys)


def test_every_rpc_has_a_row_or_a_reason_to_have_none() -> None:
    assert set(WAYS) == {method.name for method in SERVICE.methods}
    assert KEEPS_NOTHING in extractor_service_pb2.DESCRIPTOR.services_by_name


async def test_everybody_is_listed_the_same_tools_and_each_has_its_rows(
    callers: Callers, victim: Victim
) -> None:
    assert "scope" not in pb.ListToolsRequest.DESCRIPTOR.fields_by_name
    listed = await callers.call(TENANT, pb.ListToolsRequest())
    assert listed == await callers.call("globex", pb.ListToolsRequest())
    (tools,) = listed
    asked = Asked(victim.scope, victim.names, victim.revision, victim.known)
    rows = {
        tool: set().union(*(arguments(asked) for arguments in ways.values()))
        for tool, ways in TOOL_WAYS.items()
    }
    assert rows.keys() == {tool.name for tool in tools.tools}
    for tool in tools.tools:
        known = json.loads(tool.schema_json)["function"]["parameters"]["properties"]
        assert {"id", "ids"} & known.keys() <= rows[tool.name]
        assert not WHOSE.keys() & known.keys()


@pytest.mark.parametrize("vantage", [v for v in VANTAGES if VANTAGES[v] != VANTAGES[v].caller("1")])
@pytest.mark.parametrize("tool", ["get_memory", "edit_memory", "delete_memories"])
async def test_a_model_is_told_of_anothers_memory_that_there_is_none(
    callers: Callers, victim: Victim, vantage: str, tool: str
) -> None:
    caller = VANTAGES[vantage].caller("who asked for nothing else")
    request = called(tool, TOOL_WAYS[tool]["ids" if tool == "delete_memories" else "id"])
    (answer,) = await callers.call(caller.tenant, request(caller.asked(victim, victim.names)))
    assert answer.is_error
    assert answer.result["error"].startswith(("there is no memory", "ids: there is no memory"))


NAMING = {
    *("id", "ids", "request_id", "etag", "page_token", "cursor", "after_revision"),
    *("min_revision", "as_of", "filter", "revision", "first_sequences", "session_id"),
}


@pytest.mark.parametrize("method", sorted(WAYS))
def test_every_field_that_names_things_is_in_a_way(method: str) -> None:
    asked = Asked(
        lambda session: memory_pb2.Scope(user_id="u", session_id=session),
        made_up(),
        revision=7,
        known=memory_pb2.Memory(create_time={"seconds": 1}).create_time,
    )
    used: set[str] = set()
    for way in WAYS[method]:
        used |= set(_fields_of(way.request(asked)))
    wanted = {
        field.name
        for field in SERVICE.methods_by_name[method].input_type.fields
        if field.name in NAMING
    }
    options = SERVICE.methods_by_name[method].input_type.fields_by_name.get("options")
    if options is not None:
        wanted |= NAMING & set(options.message_type.fields_by_name)
    assert wanted <= used


def _fields_of(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        yield field.name
        for each in value if field.is_repeated else [value]:
            if isinstance(each, Message):
                yield from _fields_of(each)
