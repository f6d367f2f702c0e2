from __future__ import annotations

import asyncio
import json
import logging
import warnings
from datetime import datetime

import pytest

from service_kit import logs

MARKER = "what-a-user-said-in-confidence"


@pytest.fixture(autouse=True)
def logging_as_before():
    root, grpc_log = logging.getLogger(), logging.getLogger("grpc")
    logging.captureWarnings(capture=False)
    before = (list(root.handlers), root.level, grpc_log.level)
    yield
    logging.captureWarnings(capture=False)
    root.handlers = before[0]
    root.setLevel(before[1])
    grpc_log.setLevel(before[2])


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    output = capsys.readouterr()
    assert output.out == ""
    return [json.loads(line) for line in output.err.splitlines()]


def test_a_line_is_json_with_its_fields(capsys: pytest.CaptureFixture[str]):
    logs.configure("INFO", "memory")
    logging.getLogger("a.b").warning("it %s", "happened", extra={"duration_ms": 1.5})
    (line,) = lines(capsys)
    assert datetime.fromisoformat(line.pop("timestamp")).tzinfo is not None
    assert line == {
        "level": "WARNING",
        "logger": "a.b",
        "message": "it happened",
        "service": "memory",
        "duration_ms": 1.5,
    }


def test_configuring_twice_does_not_double_the_lines(capsys: pytest.CaptureFixture[str]):
    logs.configure("INFO", "memory")
    logs.configure("WARNING", "memory")
    logging.getLogger("a").info("too little")
    logging.getLogger("a").warning("enough")
    assert [line["message"] for line in lines(capsys)] == ["enough"]


def test_a_logged_exception_loses_its_text(capsys: pytest.CaptureFixture[str]):
    logs.configure("INFO", "memory")
    try:
        raise ValueError(MARKER)
    except ValueError:
        logging.getLogger("a").exception("it failed")
    (line,) = lines(capsys)
    assert line["traceback"].startswith("builtins.ValueError\n  ")
    assert "test_logs.py" in line["traceback"]
    assert MARKER not in json.dumps(line)


def test_warnings_are_logged(capsys: pytest.CaptureFixture[str]):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logs.configure("INFO", "memory")
        warnings.warn("old ways", stacklevel=1)
    (line,) = lines(capsys)
    assert line["logger"] == "py.warnings"
    assert "old ways" in line["message"]


def test_an_exception_nobody_awaited_loses_its_text(capsys: pytest.CaptureFixture[str]):
    async def fail() -> None:
        raise ValueError(MARKER)

    async def forget() -> None:
        logs.log_loop_errors(asyncio.get_running_loop())
        task = asyncio.create_task(fail())
        await asyncio.wait([task])

    logs.configure("INFO", "memory")
    asyncio.run(forget())
    (line,) = lines(capsys)
    assert line["message"] == "unhandled exception in the event loop"
    assert line["traceback"].startswith("builtins.ValueError")
    assert MARKER not in json.dumps(line)
