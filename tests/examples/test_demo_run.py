"""The demo against a MemoryService that is small enough to live in this file."""

# The methods of a servicer have the names of the contract.
# ruff: noqa: N802

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from agentmemory.v1 import memory_pb2, memory_service_pb2
from agentmemory.v1.memory_service_pb2_grpc import (
    MemoryServiceServicer,
    add_MemoryServiceServicer_to_server,
)
from grpc_status import rpc_status

from examples.demo.__main__ import main
from examples.demo.run import run
from examples.demo.show import MAX_ROWS
from service_kit.errors import ServiceError, to_status

PAGE_SIZE = 25


class SmallMemoryService(MemoryServiceServicer):
    """Remembers every message word for word, once it was flushed; a user is the only owner."""

    def __init__(self) -> None:
        self.appends: list[Any] = []
        self.flushes: list[Any] = []
        self.searches: list[Any] = []
        self.prompts: list[Any] = []
        self.messages: dict[tuple[str, str], Any] = {}
        self.memories: dict[tuple[str, str], Any] = {}

    async def ListSessions(self, request, context):
        total = len({session for session, _ in self.messages})
        return memory_service_pb2.ListSessionsResponse(total_size=total)

    async def AppendMessages(self, request, context):
        self.appends.append(request)
        for message in request.messages:
            self.messages[request.scope.session_id, message.id] = message
        return memory_service_pb2.AppendMessagesResponse()

    async def FlushSession(self, request, context):
        self.flushes.append(request)
        for (session, message_id), message in self.messages.items():
            if session == request.scope.session_id:
                self.memories[session, message_id] = memory_pb2.Memory(
                    text=f"{message.name} said: {message.content}",
                    type=memory_pb2.MEMORY_TYPE_SEMANTIC,
                    topics=["[bold]talk"],
                    entities=[memory_pb2.Entity(name=message.name, kind="person")],
                    sources=[memory_pb2.Source(session_id=session, message_id=message_id)],
                )
        return memory_service_pb2.FlushSessionResponse(revision=len(self.memories))

    async def ListMemories(self, request, context):
        start = int(request.page_token or 0)
        memories = list(self.memories.values())[start : start + PAGE_SIZE]
        more = start + PAGE_SIZE < len(self.memories)
        return memory_service_pb2.ListMemoriesResponse(
            memories=memories, next_page_token=str(start + PAGE_SIZE) if more else ""
        )

    async def SearchMemories(self, request, context):
        self.searches.append(request)
        return memory_service_pb2.SearchMemoriesResponse(
            hits=self._hits(request.query, request.limit), degraded=True
        )

    async def BuildPrompt(self, request, context):
        self.prompts.append(request)
        return memory_service_pb2.BuildPromptResponse(
            messages=[
                memory_service_pb2.PromptMessage(
                    role=memory_pb2.ROLE_SYSTEM, content="What is known: [a] and [/b]"
                ),
                memory_service_pb2.PromptMessage(
                    role=memory_pb2.ROLE_USER, name="Marcus", content=request.query
                ),
            ]
        )

    def _hits(self, query: str, limit: int) -> list[Any]:
        wanted = words(query)
        scored = [(len(wanted & words(each.text)), each) for each in self.memories.values()]
        best = sorted(scored, key=lambda pair: pair[0], reverse=True)[:limit]
        return [
            memory_pb2.SearchHit(memory=memory, score=count / len(wanted)) for count, memory in best
        ]


class RefusingMemoryService(SmallMemoryService):
    async def FlushSession(self, request, context):
        error = ServiceError(
            grpc.StatusCode.UNAVAILABLE, "EXTRACTOR_UNAVAILABLE", "the extractor\nis away"
        )
        await context.abort_with_status(rpc_status.to_status(to_status(error)))


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


@asynccontextmanager
async def serving(servicer: SmallMemoryService) -> AsyncIterator[str]:
    server = grpc.aio.server()
    add_MemoryServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(grace=None)


async def test_every_turn_is_appended_once_in_order_under_its_speakers_name(
    capsys: pytest.CaptureFixture[str],
):
    service = SmallMemoryService()
    async with serving(service) as target:
        assert await run(target) == 0
    messages = [message for request in service.appends for message in request.messages]
    assert len(messages) == 60
    assert [message.id for message in messages[:3]] == ["D1:1", "D1:2", "D1:3"]
    assert {message.name for message in messages} == {"Hannah", "Marcus"}
    assert {message.role for message in messages} == {memory_pb2.ROLE_USER}
    assert {len(request.messages) for request in service.appends} == {1, 2, 3, 4}
    times = [message.create_time.ToMicroseconds() for message in messages]
    assert times == sorted(times)
    owners = {(each.scope.namespace, each.scope.user_id) for each in service.appends}
    assert owners == {("demo", "hannah-and-marcus")}
    assert [each.scope.session_id for each in service.flushes] == [
        f"session_{number}" for number in range(1, 6)
    ]
    assert capsys.readouterr().err == ""


async def test_what_it_prints_holds_memories_sources_answers_prompt_and_timing(
    capsys: pytest.CaptureFixture[str],
):
    service = SmallMemoryService()
    async with serving(service) as target:
        assert await run(target) == 0
    printed = capsys.readouterr().out
    assert "What was remembered: 60 memories" in printed
    assert f"… and {60 - MAX_ROWS} more" in printed
    assert "semantic · topics: [bold]talk · entities: Hannah" in printed
    assert "D1:1 “Hi Marcus!" in printed
    assert "When does Hannah run the half marathon?" in printed
    assert "expected: 12 May 2024  (D2:4 is " in printed
    assert "found by words alone" in printed
    assert "What is known: [a] and [/b]" in printed
    assert "user (Marcus)" in printed
    assert re.search(r"FlushSession +5 ", printed)
    assert re.search(r"60 turns appended and extracted in .* turns/s", printed)
    assert max(len(line) for line in printed.splitlines()) <= 110


async def test_reads_ask_for_everything_that_the_flushes_committed(
    capsys: pytest.CaptureFixture[str],
):
    service = SmallMemoryService()
    async with serving(service) as target:
        assert await run(target) == 0
    asked = [*service.searches, *service.prompts]
    assert len(asked) == 6
    assert {request.options.min_revision for request in asked} == {60}
    assert service.prompts[0].scope.session_id == "session_5"
    assert "Played here before" not in capsys.readouterr().out


async def test_a_second_play_appends_the_same_messages_and_says_so(
    capsys: pytest.CaptureFixture[str],
):
    service = SmallMemoryService()
    async with serving(service) as target:
        assert await run(target) == 0
        first = list(service.appends)
        assert await run(target) == 0
    assert service.appends[len(first) :] == first
    assert "Played here before" in capsys.readouterr().out


async def test_a_file_without_questions_is_asked_about_its_speakers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    conversation = {
        "speaker_a": "Ada",
        "session_1_date_time": "1:56 pm on 8 May, 2023",
        "session_1": [{"speaker": "Bo", "dia_id": "D1:1", "text": "I live in Rome."}],
    }
    path = tmp_path / "talk.json"
    path.write_text(json.dumps([{"conversation": conversation}]), encoding="utf-8")
    service = SmallMemoryService()
    async with serving(service) as target:
        assert await run(target, path) == 0
    assert [request.query for request in service.searches] == [
        "What is Ada up to?",
        "What is Bo up to?",
    ]
    assert "expected" not in capsys.readouterr().out


async def test_a_failed_call_is_one_line_with_code_and_reason(
    capsys: pytest.CaptureFixture[str],
):
    async with serving(RefusingMemoryService()) as target:
        assert await run(target) == 1
    assert capsys.readouterr().err == (
        f"demo: MemoryService at {target} answered UNAVAILABLE / EXTRACTOR_UNAVAILABLE: "
        "the extractor is away\n"
    )


async def test_no_service_is_one_line_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    target = f"unix:{tmp_path}/nobody"
    assert await run(target) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        f"demo: no MemoryService answers at {target} (UNAVAILABLE): is it running?\n"
    )


def test_the_command_refuses_a_bad_file_before_it_calls_anybody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "missing.json"
    assert main(["--target", "unix:/nowhere", "--conversation", str(path)]) == 1
    assert capsys.readouterr().err == f"demo: {path}: No such file or directory\n"
