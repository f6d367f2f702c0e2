"""The real grpcurl, which knows what reflection says, and what `make run` prints."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from agentmemory.v1 import extractor_service_pb2, memory_pb2, memory_service_pb2
from google.protobuf.descriptor import ServiceDescriptor

from examples.stack import Stack, banner

MEMORY: ServiceDescriptor = memory_service_pb2.DESCRIPTOR.services_by_name["MemoryService"]
EXTRACTOR: ServiceDescriptor = extractor_service_pb2.DESCRIPTOR.services_by_name["ExtractorService"]
BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
SAID = "I work as a designer in Lisbon and I am allergic to nuts."


class Grpcurl:
    """Runs grpcurl against a stack."""

    def __init__(self, stack: Stack) -> None:
        self._addresses = {
            MEMORY.full_name: stack.addresses.memory,
            EXTRACTOR.full_name: stack.addresses.extractor,
        }

    async def say(self, service: ServiceDescriptor, *words: str) -> str:
        """Run `grpcurl address words`."""
        return await output(
            str(BIN / "grpcurl"), "-plaintext", self._addresses[service.full_name], *words
        )

    async def call(self, service: ServiceDescriptor, method: str, *requests: Any) -> list[Any]:
        """Send the requests as JSON and return what is answered."""
        text = await output(
            *(str(BIN / "grpcurl"), "-plaintext", "-emit-defaults", "-d", "@"),
            *(self._addresses[service.full_name], f"{service.full_name}/{method}"),
            stdin="\n".join(json.dumps(request) for request in requests),
        )
        return list(parsed(text))

    async def memory(self, method: str, **request: Any) -> Any:
        """Make a unary call of MemoryService."""
        (answer,) = await self.call(MEMORY, method, request)
        return answer

    async def extractor(self, method: str, **request: Any) -> Any:
        """Make a unary call of ExtractorService."""
        (answer,) = await self.call(EXTRACTOR, method, request)
        return answer


async def output(*command: str, stdin: str = "") -> str:
    """Run a command, which must succeed, and return what it prints."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate(stdin.encode())
    assert process.returncode == 0, stderr.decode()
    return stdout.decode()


def parsed(text: str) -> list[Any]:
    """Return the JSON values that stand one after another."""
    decoder, found, rest = json.JSONDecoder(), [], text.lstrip()
    while rest:
        value, end = decoder.raw_decode(rest)
        found.append(value)
        rest = rest[end:].lstrip()
    return found


@pytest.fixture(scope="session")
def grpcurl(stack: Stack) -> Grpcurl:
    return Grpcurl(stack)


@pytest.fixture
def user(new_scope: Callable[[], memory_pb2.Scope]) -> dict[str, str]:
    scope = new_scope()
    return {"namespace": scope.namespace, "user_id": scope.user_id}


@pytest.mark.parametrize("service", [MEMORY, EXTRACTOR], ids=lambda service: service.name)
async def test_list_names_the_service_health_and_reflection(
    service: ServiceDescriptor, grpcurl: Grpcurl
) -> None:
    listed = (await grpcurl.say(service, "list")).split()
    assert listed == [
        service.full_name,
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    ]


@pytest.mark.parametrize("service", [MEMORY, EXTRACTOR], ids=lambda service: service.name)
async def test_describe_shows_every_method_and_every_request(
    service: ServiceDescriptor, grpcurl: Grpcurl
) -> None:
    described = await grpcurl.say(service, "describe", service.full_name)
    for method in service.methods:
        assert f"rpc {method.name} (" in described
    for method in service.methods[:1]:
        message = await grpcurl.say(service, "describe", method.input_type.full_name)
        assert f"message {method.input_type.name} {{" in message
        assert all(field.name in message for field in method.input_type.fields)


async def test_working_memory_can_be_written_read_extracted_and_deleted(
    grpcurl: Grpcurl, user: dict[str, str]
) -> None:
    session = {**user, "session_id": "s1"}
    appended = await grpcurl.memory(
        "AppendMessages",
        scope=session,
        messages=[
            {"id": "m1", "role": "ROLE_USER", "name": "Alice", "content": SAID},
            {"role": "ROLE_ASSISTANT", "content": "Noted.", "metadata": {"model": "m"}},
        ],
    )
    assert appended["message_ids"] == ["m1", "2"]
    assert appended["last_sequence"] == "2"
    status = await grpcurl.memory("GetExtractionStatus", scope=session)
    assert (status["extracted_through"], status["pending_messages"]) == ("0", "2")
    flushed = await grpcurl.memory("FlushSession", scope=session)
    assert flushed["extracted_through"] == "2"
    assert int(flushed["revision"]) >= 1

    read = await grpcurl.memory("GetWorkingMemory", scope=session, recent_messages=1)
    assert [each["content"] for each in read["messages"]] == ["Noted."]
    assert read["messages"][0]["metadata"] == {"model": "m"}
    assert read["session"]["message_count"] == "2"
    listed = await grpcurl.memory("ListSessions", scope=user)
    assert [each["scope"]["session_id"] for each in listed["sessions"]] == ["s1"]
    assert listed["total_size"] == "1"
    prompt = await grpcurl.memory("BuildPrompt", scope=session, query="What may I eat?")
    roles = [each["role"] for each in prompt["messages"]]
    assert roles[0] == "ROLE_SYSTEM"
    assert roles[1:] == ["ROLE_USER", "ROLE_ASSISTANT", "ROLE_USER"]
    assert prompt["messages"][-1]["content"] == "What may I eat?"
    deleted = await grpcurl.memory("DeleteWorkingMemory", scope=session)
    assert deleted == {"deleted_messages": "2", "unextracted_messages": "0"}


async def test_memories_can_be_created_read_listed_found_and_deleted(
    grpcurl: Grpcurl, user: dict[str, str]
) -> None:
    created = await grpcurl.memory(
        "CreateMemories",
        scope=user,
        memories=[
            {"id": "bees", "text": "Alice keeps bees.", "topics": ["hobbies"]},
            {"text": "alice keeps  bees"},
        ],
    )
    assert [each["outcome"] for each in created["results"]] == [
        "CREATE_OUTCOME_CREATED",
        "CREATE_OUTCOME_DUPLICATE",
    ]
    got = await grpcurl.memory("GetMemory", scope=user, id="bees")
    assert got["memory"]["text"] == "Alice keeps bees."
    assert got["memory"]["embedding_state"] == "EMBEDDING_STATE_READY"
    listed = await grpcurl.memory(
        "ListMemories",
        scope=user,
        filter={"must": [{"tag": {"field": "TAG_FIELD_TOPIC", "equals": "hobbies"}}]},
    )
    assert [each["id"] for each in listed["memories"]] == ["bees"]
    found = await grpcurl.memory(
        "SearchMemories",
        scope=user,
        query="bees",
        options={"min_revision": created["revision"]},
        explain=True,
    )
    assert [hit["memory"]["id"] for hit in found["hits"]] == ["bees"]
    assert {arm["arm"] for arm in found["hits"][0]["explanation"]["arms"]} == {
        "semantic",
        "keyword",
    }
    assert found["degraded"] is False
    deleted = await grpcurl.memory("DeleteMemories", scope=user, ids=["bees", "wasps"])
    assert (deleted["deleted_count"], deleted["missing_ids"]) == ("1", ["wasps"])


async def test_the_extractor_can_be_asked_directly(grpcurl: Grpcurl) -> None:
    info = await grpcurl.extractor("GetInfo")
    assert info["embedding_model"]["name"] == "hash"
    assert info["embedding_model"]["dimension"] == 384
    embedded = await grpcurl.extractor("Embed", texts=["one", "two"])
    assert [len(base64.b64decode(vector)) for vector in embedded["vectors"]] == [1536, 1536]
    extracted = await grpcurl.extractor(
        "ExtractMemories", messages=[{"role": "ROLE_USER", "name": "Alice", "content": SAID}]
    )
    memories = extracted["extraction"]["memories"]
    assert any("Lisbon" in each["text"] for each in memories)
    assert {each["sources"][0]["message_id"] for each in memories} == {"1"}
    summed_up = await grpcurl.extractor(
        "Summarize",
        summary="Alice skis.",
        messages=[{"role": "ROLE_USER", "name": "Alice", "content": SAID}],
    )
    assert summed_up["summary"].splitlines() == [
        "Alice skis.",
        *dict.fromkeys(each["text"] for each in memories),
    ]


async def test_a_stream_of_deltas_is_answered_one_by_one(grpcurl: Grpcurl) -> None:
    message = {
        "id": "m1",
        "role": "ROLE_USER",
        "name": "Alice",
        "content": SAID,
        "create_time": "2024-05-01T12:00:00Z",
    }
    opened, *results = await grpcurl.call(
        EXTRACTOR,
        "Extract",
        {"open": {}},
        {"delta": {"sequence": 1, "messages": [message]}},
        {"delta": {"sequence": 2, "messages": [{**message, "content": ""}]}},
    )
    assert opened["opened"]["extractor"]
    outcomes = {each["result"]["sequence"]: each["result"] for each in results}
    assert any("Lisbon" in each["text"] for each in outcomes["1"]["extraction"]["memories"])
    assert outcomes["2"]["error"]["details"][0]["reason"] == "EXTRACTION_FAILED"


async def test_the_lines_of_make_run_work_when_pasted(stack: Stack, tmp_path: Path) -> None:
    shown = banner(stack, tmp_path)
    lines = shown.partition("Try it:")[2].partition("Ctrl-C")[0].split("\n")
    append, flush, search = [line for line in lines if line]
    assert parsed(await output("bash", "-c", append))[0]["message_ids"]
    assert parsed(await output("bash", "-c", flush))[0]["extracted_through"]
    (found,) = parsed(await output("bash", "-c", search))
    assert any("nuts" in hit["memory"]["text"] for hit in found["hits"])


def blocks(language: str) -> list[str]:
    """Return the README's code blocks of a language."""
    readme = (ROOT / "README.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)


def for_stack(code: str, stack: Stack) -> str:
    assert "127.0.0.1:50051" in code
    return code.replace("127.0.0.1:50051", stack.addresses.memory)


async def test_the_lines_of_the_readme_work_when_pasted(stack: Stack) -> None:
    (lines,) = [block for block in blocks("sh") if "grpcurl" in block]
    script = f'set -e; PATH="{BIN}:$PATH"\n{for_stack(lines, stack)}'
    *_, found = parsed(await output("bash", "-c", script))
    assert any("nuts" in hit["memory"]["text"] for hit in found["hits"])


async def test_the_python_of_the_readme_runs(stack: Stack) -> None:
    code, *_ = blocks("python")
    shown = await output(
        *(sys.executable, "-W", "error", "-c"),
        for_stack(code, stack) + "\nprint([hit.memory.text for hit in found.hits])"
        "\nprint(prompt.messages[-1].content)",
    )
    assert "Berlin" in shown
    assert shown.endswith("Find me a dentist.\n")
    assert os.linesep in shown
