from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import memory_pb2

from memory_service.domain.errors import ExtractionFailed
from memory_service.domain.session import Message, Role, ToolCall
from memory_service.summaries import SummaryClient
from service_kit.errors import ServiceError
from tests.support.extractor_peer import ExtractorServer, serving, stub_of
from tests.support.waiting import wait_until

HELLO = Message(1, "a", Role.USER, "Alice", "Hello.", 5_000_000)
HOME = Message(
    2,
    "b",
    Role.ASSISTANT,
    "",
    "Noted.",
    6_000_000,
    tool_calls=(ToolCall("c", "save", '{"private": 1}'),),
    metadata='{"private":1}',
)


def refusing(code: str, reason: str = ""):
    def refuse(_: pb.SummarizeRequest) -> str:
        raise ServiceError(grpc.StatusCode[code], reason, "private text")

    return refuse


@pytest.fixture
def server() -> ExtractorServer:
    server = ExtractorServer()
    server.summarize = lambda request: f"{request.summary} {len(request.messages)}"
    return server


@pytest.fixture
async def client(server: ExtractorServer, tmp_path: Path) -> AsyncIterator[SummaryClient]:
    async with serving(tmp_path / "e.sock", server), stub_of(tmp_path / "e.sock") as stub:
        yield SummaryClient(stub, timeout=10)


async def test_a_summary_is_extended_by_what_is_said(client, server):
    assert await client.extend("Before.", [HELLO], [HOME, HELLO], 99) == "Before. 2"
    [request] = server.summarized
    assert (request.summary, request.max_tokens) == ("Before.", 99)
    assert [(m.id, m.name, m.content) for m in request.context] == [("a", "Alice", "Hello.")]
    assert [(m.id, m.role, m.content) for m in request.messages] == [
        ("b", memory_pb2.ROLE_ASSISTANT, "Noted."),
        ("a", memory_pb2.ROLE_USER, "Hello."),
    ]
    assert request.messages[0].create_time.seconds == 6


async def test_nothing_is_told_that_is_never_summed_up(client, server):
    await client.extend("", [HOME], [HOME], 99)
    assert b"private" not in server.summarized[0].SerializeToString()


async def test_no_messages_leave_the_summary_as_it_is_and_ask_nobody(client, server):
    assert await client.extend("Before.", [HELLO], [], 99) == "Before."
    assert server.summarized == []


async def test_an_empty_summary_is_a_summary(client, server):
    server.summarize = lambda request: ""
    assert await client.extend("", [], [HELLO], 99) == ""


@pytest.mark.parametrize("code", ["RESOURCE_EXHAUSTED", "UNAVAILABLE", "INTERNAL", "UNIMPLEMENTED"])
async def test_an_error_of_the_service_is_no_summary_and_is_told_once(
    client, server, caplog, code: str
):
    caplog.set_level(logging.WARNING)
    server.summarize = refusing(code, "OVERLOADED")
    assert await client.extend("Before.", [], [HELLO], 99) is None
    assert await client.extend("Before.", [], [HELLO], 99) is None
    server.summarize = lambda request: "After."
    assert await client.extend("Before.", [], [HELLO], 99) == "After."
    assert [record.why for record in caplog.records] == [code, ""]
    assert "private text" not in caplog.text


@pytest.mark.parametrize("reason", ["EXTRACTION_FAILED", "INVALID_FIELD"])
async def test_input_that_is_refused_is_an_error_with_its_reason(client, server, reason: str):
    server.summarize = refusing("INVALID_ARGUMENT", reason)
    with pytest.raises(ExtractionFailed) as raised:
        await client.extend("Before.", [], [HELLO], 99)
    assert raised.value.reason == reason
    assert "private text" not in str(raised.value)


async def test_refused_input_shows_that_the_service_is_there(client, server, caplog):
    caplog.set_level(logging.WARNING)
    server.summarize = refusing("UNAVAILABLE")
    assert await client.extend("", [], [HELLO], 99) is None
    server.summarize = refusing("INVALID_ARGUMENT", "EXTRACTION_FAILED")
    with pytest.raises(ExtractionFailed):
        await client.extend("", [], [HELLO], 99)
    assert [record.why for record in caplog.records] == ["UNAVAILABLE", ""]


async def test_nobody_there_is_no_summary(tmp_path: Path):
    async with stub_of(tmp_path / "nobody.sock") as stub:
        assert await SummaryClient(stub, timeout=10).extend("", [], [HELLO], 99) is None


class Silent:
    """A stub that never answers, and notes how long it may take."""

    def __init__(self) -> None:
        self.timeouts: list[float] = []

    async def Summarize(self, request, timeout):  # noqa: ASYNC109, N802
        self.timeouts.append(timeout)
        await asyncio.Event().wait()


async def test_a_caller_who_is_cancelled_is_cancelled():
    stub = Silent()
    task = asyncio.create_task(SummaryClient(stub, timeout=2).extend("", [], [HELLO], 99))
    await wait_until(lambda: stub.timeouts == [2], "the extractor is asked")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
