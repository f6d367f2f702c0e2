from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from service_kit import keys
from service_kit.auth import ALL, Credentials, Identity, Role
from service_kit.auth.api_keys import ApiKeyAuthenticator
from service_kit.errors import ServiceError
from service_kit.watched_file import FileError
from tests.support.waiting import wait_until


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    keys.main(arguments)
    return capsys.readouterr().out.strip()


def new(capsys: pytest.CaptureFixture[str], file: Path, *arguments: str) -> str:
    return run(capsys, "new", "--file", str(file), *(arguments or ("--tenant", "acme")))


def showing(key: str, header: str = "x-api-key") -> Credentials:
    return Credentials({header: key}, "ipv4:10.0.0.1:1", {})


async def refused(known: ApiKeyAuthenticator, key: str) -> str:
    with pytest.raises(ServiceError) as raised:
        await known.authenticate(showing(key))
    assert raised.value.code is grpc.StatusCode.UNAUTHENTICATED
    assert raised.value.reason == "UNAUTHENTICATED"
    return raised.value.message


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


async def test_a_key_stands_for_what_it_was_made_for(
    file: Path, capsys: pytest.CaptureFixture[str]
):
    made = ("--tenant", "acme", "--subject", "bot", "--role", "read")
    key = new(capsys, file, *made, "--namespace", "support", "--namespace", "sales")
    known = ApiKeyAuthenticator(file)
    expected = Identity("acme", "bot", Role.READ, frozenset({"support", "sales"}))
    assert await known.authenticate(showing(key)) == expected
    assert await known.authenticate(showing(f"bearer {key}", "authorization")) == expected


async def test_a_key_is_kept_as_a_hash_in_a_file_for_its_owner_alone(
    file: Path, capsys: pytest.CaptureFixture[str]
):
    key = new(capsys, file)
    _, id_, secret = key.split("_", 2)
    assert len(secret) == 43
    kept = file.read_text()
    assert id_ in kept
    assert secret not in kept
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_keys_of_a_tenant_follow_each_other_while_the_server_runs(
    file: Path, capsys: pytest.CaptureFixture[str]
):
    first = new(capsys, file)
    known = ApiKeyAuthenticator(file)
    second = new(capsys, file)
    await wait_until(lambda: _is_known(known, second), "the second key is taken")
    assert (await known.authenticate(showing(first))).namespaces == {ALL}
    run(capsys, "revoke", first.split("_")[1], "--file", str(file))
    await wait_until(lambda: _is_unknown(known, first), "the first key is refused")
    assert (await known.authenticate(showing(second))).tenant == "acme"


async def _is_known(known: ApiKeyAuthenticator, key: str) -> bool:
    try:
        await known.authenticate(showing(key))
    except ServiceError:
        return False
    return True


async def _is_unknown(known: ApiKeyAuthenticator, key: str) -> bool:
    return not await _is_known(known, key)


async def test_a_key_that_is_wrong_anywhere_is_refused_in_the_same_words(
    file: Path, capsys: pytest.CaptureFixture[str]
):
    key = new(capsys, file)
    known = ApiKeyAuthenticator(file)
    other_id = key.replace(key[3:15], "0" * 12)
    other_secret = key[:-1] + ("A" if key[-1] != "A" else "B")
    said = {
        await refused(known, wrong)
        for wrong in (other_id, other_secret, key + "x", key[:-1], "am_", "", f"{key}\n", key * 2)
    }
    assert said == {"the API key is not valid"}


async def test_a_key_expires(file: Path, capsys: pytest.CaptureFixture[str]):
    key = new(capsys, file, "--tenant", "acme", "--days", "2")
    now = file.stat().st_mtime
    known = ApiKeyAuthenticator(file, clock=lambda: now)
    identity = await known.authenticate(showing(key))
    assert identity.expires == pytest.approx(now + 2 * 86400, abs=2)
    late = ApiKeyAuthenticator(file, clock=lambda: now + 3 * 86400)
    assert await refused(late, key) == "the API key is not valid"


async def test_a_file_that_is_broken_later_is_used_as_it_was(
    file: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    key = new(capsys, file)
    known = ApiKeyAuthenticator(file)
    file.write_text(f'{{"keys": [ "{key}" ')
    await wait_until(lambda: _looked_again(known, key, caplog), "the file is looked at again")
    assert (await known.authenticate(showing(key))).tenant == "acme"
    assert key not in caplog.text


async def _looked_again(
    known: ApiKeyAuthenticator, key: str, caplog: pytest.LogCaptureFixture
) -> bool:
    await known.authenticate(showing(key))
    return "cannot be read again" in caplog.text


GOOD = {
    "id": "0" * 12,
    "sha256": "0" * 64,
    "tenant": "acme",
    "subject": "bot",
    "role": "read",
    "namespaces": ["*"],
    "created": "2026-01-01T00:00:00Z",
}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("", "the file: Invalid JSON"),
        ({"keys": [GOOD | {"role": "root"}]}, "keys.0.role: "),
        ({"keys": [GOOD | {"namespaces": []}]}, "keys.0.namespaces: "),
        ({"keys": [GOOD | {"tenant": ""}]}, "keys.0.tenant: should be 1 to 128"),
        ({"keys": [GOOD | {"tenant": "a\nb"}]}, "keys.0.tenant: should be 1 to 128"),
        ({"keys": [GOOD | {"sha256": "am_secret"}]}, "keys.0.sha256: "),
        ({"keys": [GOOD | {"admin": True}]}, "keys.0.admin: "),
        ({"keys": [{k: v for k, v in GOOD.items() if k != "role"}]}, "keys.0.role: "),
        ({"keys": [GOOD, GOOD]}, "two keys have the same id"),
        ({}, "keys: "),
    ],
)
def test_a_bad_file_of_keys_is_one_clear_line(file: Path, document: object, said: str):
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    with pytest.raises(FileError) as raised:
        ApiKeyAuthenticator(file)
    assert str(raised.value).startswith(f"{file}: {said}")
    assert "\n" not in str(raised.value)
    assert "am_secret" not in str(raised.value)


def test_a_file_that_is_not_there_is_one_clear_line(file: Path):
    with pytest.raises(FileError, match=r"keys\.json: no such file"):
        ApiKeyAuthenticator(file)


def test_the_list_shows_who_and_no_secret(file: Path, capsys: pytest.CaptureFixture[str]):
    key = new(capsys, file, "--tenant", "acme", "--subject", "bot", "--days", "1")
    shown = run(capsys, "list", "--file", str(file))
    assert f"{key.split('_')[1]}  acme  bot  write  *  created" in shown
    assert key.split("_", 2)[2] not in shown


def test_the_command_works_as_the_documents_say(tmp_path: Path):
    command = [sys.executable, "-m", "service_kit.keys"]
    made = subprocess.run(
        [*command, "new", "--file", "k.json", "--tenant", "acme"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(keys.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout.startswith("am_")
    with pytest.raises(SystemExit, match="there is no key"):
        keys.main(["revoke", "nothing", "--file", str(tmp_path / "k.json")])
    with pytest.raises(SystemExit, match="no such file"):
        keys.main(["list", "--file", str(tmp_path / "other.json")])
