from __future__ import annotations

import pytest
from pydantic import ValidationError

from memory_service.domain.forgetting import Limits
from memory_service.settings import MemorySettings
from service_kit.command_line import parse_or_exit


def test_windows_of_models_are_a_json_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEMORY_MODEL_WINDOWS", raising=False)
    assert MemorySettings().model_windows == {}
    monkeypatch.setenv("MEMORY_MODEL_WINDOWS", '{"my-model": 4096, "azure/gpt-4o": 64000}')
    assert MemorySettings().model_windows == {"my-model": 4096, "azure/gpt-4o": 64000}


@pytest.mark.parametrize("windows", ['{"m": 0}', '{"m": -1}', '{"m": 1.5}', '{"m": "many"}', "[1]"])
def test_a_window_is_a_positive_number_of_tokens(
    monkeypatch: pytest.MonkeyPatch, windows: str
) -> None:
    monkeypatch.setenv("MEMORY_MODEL_WINDOWS", windows)
    with pytest.raises(ValidationError) as refused:
        MemorySettings()
    assert [error["loc"][0] for error in refused.value.errors()] == ["model_windows"]


def test_who_forgets_regularly_says_what(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MemorySettings().forget_every_seconds is None
    monkeypatch.setenv("MEMORY_FORGET_EVERY_SECONDS", "3600")
    with pytest.raises(ValidationError, match="FORGET_MAX_AGE_DAYS"):
        MemorySettings()
    monkeypatch.setenv("MEMORY_FORGET_MAX_MEMORIES", "0")
    assert MemorySettings().forget_limits == Limits(max_memories=0)
    monkeypatch.setenv("MEMORY_FORGET_MAX_AGE_DAYS", "0.5")
    monkeypatch.setenv("MEMORY_FORGET_MAX_INACTIVITY_DAYS", "2")
    half_a_day = 12 * 3600 * 1_000_000
    assert MemorySettings().forget_limits == Limits(half_a_day, 4 * half_a_day, 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EVERY_SECONDS", "0"),
        ("MAX_AGE_DAYS", "0"),
        ("MAX_INACTIVITY_DAYS", "-1"),
        ("MAX_MEMORIES", "-1"),
    ],
)
def test_a_limit_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"MEMORY_FORGET_{name}", value)
    with pytest.raises(ValidationError):
        MemorySettings()


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        (
            {"EXTRACTOR_TOKEN": "SECRET", "EXTRACTOR_TOKEN_FILE": "/x"},
            "either MEMORY_EXTRACTOR_TOKEN or MEMORY_EXTRACTOR_TOKEN_FILE, not both",
        ),
        (
            {"FORGET_EVERY_SECONDS": "60"},
            "MEMORY_FORGET_EVERY_SECONDS needs MEMORY_FORGET_MAX_AGE_DAYS, "
            "MEMORY_FORGET_MAX_INACTIVITY_DAYS or MEMORY_FORGET_MAX_MEMORIES",
        ),
        (
            {"EXTRACTOR": "extractor", "EXTRACTOR_TOKEN": "SECRET"},
            "MEMORY_EXTRACTOR: should be host:port or dns:///name:port",
        ),
        (
            {"EXTRACTOR": "dns:///extractor"},
            "MEMORY_EXTRACTOR: should be host:port or dns:///name:port",
        ),
        ({"EXTRACTOR_TOKEN": "SECRET\nX"}, "MEMORY_EXTRACTOR_TOKEN: should have one line, a token"),
        (
            {"FORGET_MAX_AGE_DAYS": "inf"},
            "MEMORY_FORGET_MAX_AGE_DAYS: Input should be a finite number",
        ),
    ],
)
def test_a_complaint_has_the_names_that_the_variables_have_and_no_secret(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    complaint: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(f"MEMORY_{name}", value)
    with pytest.raises(SystemExit):
        parse_or_exit(MemorySettings, [])
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith(f": {complaint}")
    assert "SECRET" not in line


def test_the_end_of_a_line_is_no_part_of_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORY_EXTRACTOR_TOKEN", "SECRET\n")
    token = MemorySettings().extractor_token
    assert token is not None
    assert token.get_secret_value() == "SECRET"
