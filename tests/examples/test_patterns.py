"""Each pattern of use, as its example has it, against a real stack with the bundled model."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb

from examples.stack import Stack, in_directory, running
from tests.support.client import Stub, connected
from tests.support.commands import outcome
from tests.support.llm_server import llm_server, model_file
from tests.support.scripted_llm import Answer, Asked, ScriptedLlm, asks, says, says_blocks
from tests.support.scripted_llm import scripted_llm as serving_script

ROOT = Path(__file__).parents[2]
PATTERNS = ROOT / "examples/patterns"
ALICE = memory_pb2.Scope(namespace="patterns", user_id="alice")
LONGEST = 80
SHORT = 12
"""Tokens of a real model's answer: what it says does not matter."""


@pytest.fixture(scope="module")
async def stack() -> AsyncIterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="am-patterns-") as name:
        async with running(in_directory(Path(name))) as started:
            yield started


@pytest.fixture
async def memory(stack: Stack) -> AsyncIterator[Stub]:
    """A database in which Alice is unknown."""
    async with connected(stack.addresses.memory) as stub:
        await stub.EraseUser(pb.EraseUserRequest(scope=ALICE))
        yield stub


@pytest.fixture
async def llm() -> AsyncIterator[ScriptedLlm]:
    async with serving_script() as scripted:
        yield scripted


async def run(stack: Stack, name: str, *lines: str, llm: str = "http://127.0.0.1:1/v1") -> str:
    """What the example prints."""
    environment = {
        "AGENT_MEMORY": stack.addresses.memory,
        "OPENAI_BASE_URL": llm,
        "OPENAI_API_KEY": "none",
        "ANTHROPIC_BASE_URL": llm.removesuffix("/v1"),
        "ANTHROPIC_API_KEY": "none",
        "MODEL": "test",
        "MAX_TOKENS": str(SHORT),
    }
    status, out, errors = await outcome(f"examples.patterns.{name}", *lines, **environment)
    assert status == 0, errors
    return out


async def remembered(memory: Stub) -> set[str]:
    listed = await memory.ListMemories(pb.ListMemoriesRequest(scope=ALICE))
    return {found.text for found in listed.memories}


def calls(name: str, **arguments: Any) -> Answer:
    return asks((name, json.dumps(arguments)))


def told(asked: Asked) -> Any:
    """What the newest message, a tool's result, tells the model."""
    newest = asked.body["messages"][-1]
    assert newest["role"] == "tool"
    return json.loads(newest["content"])


@pytest.mark.parametrize("path", sorted(PATTERNS.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST


def test_the_python_of_the_readme_is_that_of_the_examples() -> None:
    readme = (ROOT / "README.md").read_text()
    _, *shown = re.findall(r"^```python\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    lines = [_lines(path.read_text()) for path in PATTERNS.glob("*.py")]
    assert len(shown) == 3
    for block in shown:
        assert any(_lines(block) in each for each in lines), block


def _lines(code: str) -> str:
    return "\n".join(line.strip() for line in code.strip().splitlines())


async def test_code_driven(stack: Stack, memory: Stub, llm: ScriptedLlm) -> None:
    llm.will(says("A window seat, and a vegetarian dinner."))
    out = await run(stack, "code_driven", llm=llm.url)
    assert "What can she eat? Alice is vegetarian and allergic to nuts.\n" in out
    assert "Which seat does she prefer? Alice prefers a window seat on trains.\n" in out
    assert "When is she free to meet? Alice takes no meetings before nine.\n" in out
    assert out.endswith("reply: A window seat, and a vegetarian dinner.\n")
    (asked,) = llm.asked
    assert asked.system.startswith("You are a travel agent.")
    assert "- Alice is vegetarian and allergic to nuts." in asked.system
    assert asked.user == "Book me a trip to Bergen, dinner on the way included."


async def test_llm_driven(stack: Stack, memory: Stub, llm: ScriptedLlm) -> None:
    fact = "Alice moved to Bergen."
    llm.will(
        calls("create_memories", memories=[{"text": fact}], user_id="bob"),
        calls("create_memories", memories=[{"text": fact}]),
        says("Welcome to Bergen!"),
        asks(("search_memories", '{"query": "Where does Alice live?"}'), ("get_weather", "{}")),
        says("You live in Bergen."),
    )
    lines = ("I'm Alice, I moved to Bergen.", "Where do I live?")
    out = await run(stack, "llm_driven", *lines, llm=llm.url)
    assert "assistant: Welcome to Bergen!\n" in out
    assert out.endswith("assistant: You live in Bergen.\n")
    assert await remembered(memory) == {fact}

    offered = [tool["function"]["name"] for tool in llm.asked[0].body["tools"]]
    assert offered == ["search_memories", "create_memories", "edit_memory", "get_current_datetime"]
    _, mending, _, _, answering = llm.asked
    assert "user_id" in told(mending)["error"]
    *_, searched, unknown = answering.body["messages"]
    assert fact in searched["content"]
    assert searched["tool_call_id"] == "call_0"
    assert "no such tool" in unknown["content"]


async def test_llm_driven_in_anthropics_form(stack: Stack, memory: Stub, llm: ScriptedLlm) -> None:
    fact = "Alice moved to Bergen."
    use = {"type": "tool_use", "id": "toolu_1", "name": "create_memories"}
    llm.will(
        says_blocks({"type": "text", "text": "Noted."}, {**use, "input": {}}),
        says_blocks({**use, "id": "toolu_2", "input": {"memories": [{"text": fact}]}}),
        says_blocks({"type": "text", "text": "Welcome to Bergen!"}),
        says_blocks({"type": "text", "text": "You live in Bergen."}),
    )
    lines = ("I'm Alice, I moved to Bergen.", "Where do I live?")
    out = await run(stack, "anthropic_tools", *lines, llm=llm.url)
    assert out.endswith("assistant: You live in Bergen.\n")
    assert await remembered(memory) == {fact}
    first, mending, _, second = (asked.body for asked in llm.asked)
    assert fact not in first["system"]
    (result,) = mending["messages"][-1]["content"]
    assert (result["tool_use_id"], result["is_error"]) == ("toolu_1", True)
    assert f"- {fact}" in second["system"]


async def test_background(stack: Stack, memory: Stub) -> None:
    out = await run(stack, "background")
    assert "Alice works as a nurse in Bergen." in out
    assert "allergic to peanuts" in out
    assert "orders: ['Alice ordered a bicycle helmet.']\n" in out


async def test_code_and_background(stack: Stack, memory: Stub, llm: ScriptedLlm) -> None:
    llm.will(says("Hello Alice!"), says("Lentils."))
    lines = ("I'm Alice, I'm vegetarian.", "What's for dinner?")
    out = await run(stack, "code_and_background", *lines, llm=llm.url)
    assert "assistant: Lentils.\n" in out
    assert out.endswith("pinned: Alice is vegetarian.\n")
    _, second = llm.asked
    talk = [(each["role"], each["content"]) for each in second.body["messages"][-3:]]
    assert talk == [("user", lines[0]), ("assistant", "Hello Alice!"), ("user", lines[1])]
    listed = await memory.ListMemories(pb.ListMemoriesRequest(scope=ALICE))
    assert {found.text for found in listed.memories if found.pinned} == {"Alice is vegetarian."}


async def test_tools_and_background(stack: Stack, memory: Stub, llm: ScriptedLlm) -> None:
    llm.will(
        says("Lovely!"),
        calls("search_memories", query="What does Alice play?"),
        says("The cello."),
    )
    lines = ("I'm Alice, I play the cello.", "What do I play?")
    out = await run(stack, "tools_and_background", *lines, llm=llm.url)
    assert "assistant: The cello.\n" in out
    assert "remembered: ['Alice plays the cello.']" in out
    (session,) = (await memory.ListSessions(pb.ListSessionsRequest(scope=ALICE))).sessions
    kept = await memory.GetWorkingMemory(pb.GetWorkingMemoryRequest(scope=session.scope))
    roles = [memory_pb2.Role.Name(message.role) for message in kept.messages]
    assert roles == [
        *("ROLE_USER", "ROLE_ASSISTANT", "ROLE_USER"),
        *("ROLE_ASSISTANT", "ROLE_TOOL", "ROLE_ASSISTANT"),
    ]


@pytest.mark.timeout(300)
async def test_a_real_model_reads_the_prompts_and_the_tools_in_both_forms(
    stack: Stack, memory: Stub
) -> None:
    model = model_file()
    if model is None:
        pytest.skip("llama.cpp and its model are not installed")
    async with llm_server(model, answer_tokens=SHORT) as url:
        said = await asyncio.gather(
            run(stack, "code_driven", llm=url),
            *(
                run(stack, n, "Hello, I'm Alice.", llm=url)
                for n in ("llm_driven", "anthropic_tools")
            ),
        )
    for out, before in zip(said, ("reply: ", "assistant: ", "assistant: "), strict=True):
        assert len(out.partition(before)[2].strip()) > 1
