from __future__ import annotations

import os

import pytest
from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict

from service_kit.command_line import describe, parse_or_exit, variables
from service_kit.settings import Address, ServerSettings


class EchoSettings(ServerSettings):
    model_config = SettingsConfigDict(env_prefix="ECHO_")

    bind: Address = Field("127.0.0.1:50099", description="Where to serve.")
    redis_url: str = Field(
        "redis://localhost", validation_alias="REDIS_URL", description="The Redis to use."
    )
    peer: str = Field(
        "localhost:1",
        validation_alias=AliasChoices("ECHO_PEER", "PEER"),
        description="Another one.",
    )
    token: SecretStr | None = Field(None, min_length=8, description="A secret.")
    spread: dict[str, int] = Field({}, description="Something structured.")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch):
    for name in list(os.environ):
        if name.startswith(("ECHO_", "REDIS_", "PEER")):
            monkeypatch.delenv(name)


def test_defaults_are_a_loopback_server_with_reflection():
    settings = EchoSettings()
    assert settings.bind == "127.0.0.1:50099"
    assert settings.max_receive_bytes == 4 * 1024 * 1024
    assert settings.serves_reflection


def test_variables_carry_the_services_prefix_but_for_aliases(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ECHO_BIND", "localhost:7")
    monkeypatch.setenv("ECHO_DRAIN_SECONDS", "1.5")
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere")
    monkeypatch.setenv("PEER", "peer:1")
    settings = EchoSettings()
    assert (settings.bind, settings.drain_seconds) == ("localhost:7", 1.5)
    assert (settings.redis_url, settings.peer) == ("redis://elsewhere", "peer:1")


def test_an_empty_variable_is_as_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ECHO_BIND", "")
    assert EchoSettings().bind == "127.0.0.1:50099"


def test_settings_do_not_change_once_read():
    settings = EchoSettings()
    with pytest.raises(ValidationError):
        settings.bind = "localhost:1"
    assert settings.bind == "127.0.0.1:50099"


@pytest.mark.parametrize(
    ("environment", "allowed"),
    [
        ({}, False),
        ({"ECHO_AUTH_MODE": "none"}, False),
        ({"ECHO_ALLOW_UNAUTHENTICATED": "true"}, False),
        ({"ECHO_AUTH_MODE": "none", "ECHO_ALLOW_UNAUTHENTICATED": "false"}, False),
        ({"ECHO_AUTH_MODE": "none", "ECHO_ALLOW_UNAUTHENTICATED": "true"}, True),
    ],
)
def test_other_machines_are_served_unauthenticated_only_if_told_twice(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    allowed: bool,
):
    monkeypatch.setenv("ECHO_BIND", "0.0.0.0:1")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if allowed:
        assert not parse_or_exit(EchoSettings, []).serves_reflection
        return
    with pytest.raises(SystemExit) as exit_:
        parse_or_exit(EchoSettings, [])
    assert exit_.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "set both ECHO_AUTH_MODE=none and ECHO_ALLOW_UNAUTHENTICATED=true" in line


@pytest.mark.parametrize(
    ("bind", "reflection", "served"),
    [
        ("127.0.0.1:1", "auto", True),
        ("127.0.0.1:1", "off", False),
        ("0.0.0.0:1", "auto", False),
        ("0.0.0.0:1", "on", True),
    ],
)
def test_reflection_is_on_for_loopback_or_if_asked_for(bind: str, reflection: str, served: bool):
    settings = EchoSettings(
        bind=bind, reflection=reflection, auth_mode="none", allow_unauthenticated=True
    )
    assert settings.serves_reflection is served


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_lists_every_variable_and_exits_well(flag: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as exit_:
        parse_or_exit(EchoSettings, [flag])
    assert exit_.value.code == 0
    output = capsys.readouterr().out
    for name, field in EchoSettings.model_fields.items():
        for variable in variables(EchoSettings, name):
            assert variable in output
        assert field.description.split()[0] in output


def test_help_tells_type_and_default():
    text = describe(EchoSettings)
    assert "ECHO_BIND  (str, default 127.0.0.1:50099)\n      Where to serve." in text
    assert "ECHO_REFLECTION  (auto|on|off, default auto)" in text
    assert "ECHO_DRAIN_SECONDS  (float, default 20.0)" in text
    assert "REDIS_URL  (str, default redis://localhost)" in text
    assert "ECHO_PEER or PEER  (str" in text
    assert "ECHO_TOKEN  (secret" in text


def test_each_bad_variable_gets_one_line_without_its_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    bad = {
        "ECHO_BIND": "nowhere-bad",
        "ECHO_METRICS_PORT": "99999",
        "ECHO_LOG_LEVEL": "loud-bad",
        "ECHO_TOKEN": "s3c-bad",
    }
    for name, value in bad.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as exit_:
        parse_or_exit(EchoSettings, [])
    assert exit_.value.code == 2
    output = capsys.readouterr()
    lines = output.err.splitlines()
    assert output.out == ""
    assert sorted(line.split(": ")[1] for line in lines) == sorted(bad)
    assert not [value for value in bad.values() if value in output.err]
    assert "host:port" in lines[0]


def test_a_variable_that_is_not_json_gets_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("ECHO_SPREAD", "{s3cret")
    with pytest.raises(SystemExit) as exit_:
        parse_or_exit(EchoSettings, [])
    assert exit_.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(": ECHO_SPREAD: should be JSON")
    assert "s3cret" not in line


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({"AUTH_MODE": "api_key"}, "ECHO_AUTH_MODE=api_key needs ECHO_API_KEYS_FILE"),
        ({"TLS_CERT": "/x"}, "ECHO_TLS_CERT and ECHO_TLS_KEY go together"),
        ({"TLS_CLIENT_CA": "/x"}, "ECHO_TLS_CLIENT_CA needs ECHO_TLS_CERT and ECHO_TLS_KEY"),
        ({"JWT_JWKS": "http://x"}, "ECHO_JWT_JWKS: should be a file, or begin with https://"),
    ],
)
def test_a_complaint_has_the_names_that_the_variables_have(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    complaint: str,
):
    for name, value in environment.items():
        monkeypatch.setenv(f"ECHO_{name}", value)
    with pytest.raises(SystemExit):
        parse_or_exit(EchoSettings, [])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(f": {complaint}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_RECEIVE_BYTES", str(2**31)),
        ("MAX_SEND_BYTES", str(2**31)),
        ("KEEPALIVE_SECONDS", "1e7"),
        ("KEEPALIVE_TIMEOUT_SECONDS", "1e7"),
        ("MAX_CONNECTION_AGE_SECONDS", "1e7"),
        ("MAX_CONNECTION_AGE_GRACE_SECONDS", "1e7"),
        ("DRAIN_SECONDS", "inf"),
    ],
)
def test_what_grpc_cannot_take_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
):
    monkeypatch.setenv(f"ECHO_{name}", value)
    with pytest.raises(SystemExit):
        parse_or_exit(EchoSettings, [])
    (line,) = capsys.readouterr().err.splitlines()
    assert f"ECHO_{name}: " in line


def test_arguments_are_refused(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as exit_:
        parse_or_exit(EchoSettings, ["--bind", "s3cret"])
    assert exit_.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "environment variables" in line
    assert "s3cret" not in line
