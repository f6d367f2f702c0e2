"""The users of Redis that the manifests make: the service can do all that it does, and no more."""

from __future__ import annotations

import re
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from agentmemory.v1 import memory_service_pb2
from redis.exceptions import NoPermissionError

from memory_service.store.connection import command
from tests.deploy import manifests as m
from tests.deploy.conftest import OPERATOR_PASSWORD, PASSWORD, USERS, Day, users

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
    # What the operator has is for pages, not for a day: test_redis_operator.py.
    of_a_day = [user for user in users() if user[0] != "operator"]
    granted = {word.removeprefix("+") for user in of_a_day for word in user if word[0] == "+"}
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
    for password in (PASSWORD, OPERATOR_PASSWORD):
        assert f"#{sha256(password.encode()).hexdigest()}" in USERS.read_text()
    assert USERS.read_text().startswith("user default off resetpass\n")


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
def test_the_page_makes_users_of_which_nobody_knows_the_passwords(tmp_path: Path) -> None:
    (tmp_path / "deploy").symlink_to(m.DEPLOY)
    page = (m.ROOT / "docs" / "deploying.md").read_text()
    (block,) = re.findall(r"^```sh\n(cp .*?)^kubectl [^\n]*\n```", page, re.DOTALL | re.MULTILINE)
    printed = subprocess.run(
        ["bash", "-euc", block], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    passwords = dict(line.split() for line in printed.splitlines())
    assert passwords.keys() == {"memory", "operator"}
    made, known = (tmp_path / "users.acl").read_text(), USERS.read_text()
    for password in passwords.values():
        assert f"#{sha256(password.encode()).hexdigest()}" in made
    hashes = re.compile(r"#[0-9a-f]{64}")
    assert not set(hashes.findall(made)) & set(hashes.findall(known))
    assert hashes.sub("", made) == hashes.sub("", known)
