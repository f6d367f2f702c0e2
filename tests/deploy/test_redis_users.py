"""The users of Redis that the manifests make: the service can do all that it does, and no more."""

from __future__ import annotations

from hashlib import sha256

import pytest
from agentmemory.v1 import memory_service_pb2
from redis.exceptions import NoPermissionError

from memory_service.store.connection import command
from tests.deploy.conftest import PASSWORD, USERS, Day, users

NOT_OF_A_DAY = {
    "auth": "part of hello",
    "select": "a URL that names a database",
    "ft.dropindex": "python -m memory_service.reembed --finish",
    "script|exists": "the same",
    "zmscore": "forgetting by disuse",
    "scan": "an index that is built, forgetting for all owners",
}
"""What the user may and a day does not show, and who needs it."""


async def test_a_whole_day_needs_no_right_that_the_user_lacks(day: Day) -> None:
    assert await command(day.redis, "ACL", "LOG") == []


async def test_the_day_has_called_every_method_and_none_has_failed(day: Day) -> None:
    service = memory_service_pb2.DESCRIPTOR.services_by_name["MemoryService"]
    rpcs = [
        (name, dict(labels))
        for (name, labels), value in day.after.items()
        if value > 0 and ("grpc_service", service.full_name) in labels
    ]
    # Begun, and not ended: that a watch was given up may be counted a little later.
    called = {labels["grpc_method"] for name, labels in rpcs if name == "grpc_server_started_total"}
    assert called == set(service.methods_by_name)
    failed = {
        (labels["grpc_method"], labels["grpc_code"])
        for name, labels in rpcs
        if name == "grpc_server_handled_total" and labels["grpc_code"] != "OK"
    }
    assert failed <= {("WatchMemories", "Canceled")}


async def test_the_user_has_no_right_that_nobody_needs(day: Day) -> None:
    stats = await day.redis.info("commandstats")
    used = {name.removeprefix("cmdstat_").lower() for name in stats}
    granted = {word.removeprefix("+") for user in users() for word in user if word[0] == "+"}
    assert granted - used - set(NOT_OF_A_DAY) == set()
    assert set(NOT_OF_A_DAY) <= granted


@pytest.mark.parametrize(
    "forbidden",
    [
        ["FLUSHALL"],
        ["CONFIG", "GET", "*"],
        ["KEYS", "*"],
        ["ACL", "LIST"],
        ["DEBUG", "SLEEP", "0"],
        ["EVAL", "return 1", "0"],
        ["SHUTDOWN"],
        ["GET", "somebody:elses"],
        ["PUBLISH", "am:x", "y"],
    ],
)
async def test_the_user_may_do_nothing_else(day: Day, forbidden: list[str]) -> None:
    with pytest.raises(NoPermissionError):
        await _as_user(day, "memory", forbidden)


async def test_who_probes_may_ping_and_nothing_else(day: Day) -> None:
    assert await _as_user(day, "probe", ["PING"])
    with pytest.raises(NoPermissionError):
        await _as_user(day, "probe", ["GET", "am:schema"])


async def _as_user(day: Day, user: str, asked: list[str]) -> object:
    # A dry run says what would be refused, and leaves no trace in the log.
    answer = await command(day.redis, "ACL", "DRYRUN", user, *asked)
    if answer not in (b"OK", "OK"):
        raise NoPermissionError(str(answer))
    return answer


def test_the_component_and_development_have_the_same_users() -> None:
    component = USERS.parents[2] / "components" / "redis" / "users.acl"
    assert component.read_text() == USERS.read_text()
    assert f"#{sha256(PASSWORD.encode()).hexdigest()}" in USERS.read_text()
    assert USERS.read_text().startswith("user default off resetpass\n")
