"""Two calls, each as one trace: `python -m examples.tracing`.

Starts a stack of its own, without a real embedding model, and a collector that prints.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import grpc.aio
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub

from examples.command_line import no_arguments
from examples.stack import in_directory, running
from examples.tracing.collector import Collector, collecting, environment, rendered

SCOPE = memory_pb2.Scope(user_id="alice", session_id="chat")
SAID = [
    memory_pb2.Message(role=memory_pb2.ROLE_USER, name="Alice", content=text)
    for text in ("I live in Oslo.", "I am allergic to nuts.")
]
WAIT_SECONDS = 20.0


async def main() -> int:
    """Play, and print the traces."""
    with tempfile.TemporaryDirectory(prefix="am-traces-") as name:
        address = f"unix:{name}/collector.sock"
        traced = environment(address)
        quick = {"MEMORY_QUIET_SECONDS": "0.5", "MEMORY_RERANK_SHARE": "0", **traced}
        options = replace(
            in_directory(Path(name)), memory=quick, extractor={"EXTRACTOR_MODEL": "hash", **traced}
        )
        async with (
            collecting(address) as collector,
            running(options) as stack,
            grpc.aio.insecure_channel(stack.addresses.memory) as channel,
        ):
            await play(MemoryServiceStub(channel), collector)
    return 0


async def play(memory: MemoryServiceStub, collector: Collector) -> None:
    """Append, twice since a script's first run is unlike its others, and search."""
    for session in ("first", "chat"):
        scope = memory_pb2.Scope(user_id="alice", session_id=session)
        trace, headers = begun()
        await memory.AppendMessages(
            pb.AppendMessagesRequest(scope=scope, messages=SAID), metadata=headers
        )
        await until(lambda trace=trace: has(collector, trace, "commit memories"))
    show("AppendMessages, and what comes of it in the background", collector, trace)
    trace, headers = begun()
    await memory.SearchMemories(
        pb.SearchMemoriesRequest(
            scope=memory_pb2.Scope(user_id="alice"), query="Where does Alice live?"
        ),
        metadata=headers,
    )
    await until(lambda: has(collector, trace, "SearchMemories"))
    show("SearchMemories", collector, trace)


def begun() -> tuple[str, list[tuple[str, str]]]:
    """Begin a trace, as a client's own tracing does: its id, and the header that says so."""
    trace = secrets.token_hex(16)
    return trace, [("traceparent", f"00-{trace}-{secrets.token_hex(8)}-01")]


def has(collector: Collector, trace: str, end: str) -> bool:
    """Whether a span whose name ends so has come, and all those that it is below or above."""
    names = [sent.name for sent in collector.of(trace)]
    served = sum(sent.kind == "server" for sent in collector.of(trace))
    called = sum(sent.name.startswith("agentmemory") for sent in collector.of(trace)) - served
    return any(name.endswith(end) for name in names) and served == called + 1


async def until(holds: Callable[[], bool]) -> None:
    """Wait for spans; they are sent in batches."""
    ends = time.monotonic() + WAIT_SECONDS
    while not holds():
        if time.monotonic() > ends:
            raise TimeoutError("the trace did not come")
        await asyncio.sleep(0.1)


def show(title: str, collector: Collector, trace: str) -> None:
    """Print one trace."""
    print(f"{title}:\n")
    for line in rendered(collector.tree(trace)):
        print(line)
    print()


if __name__ == "__main__":
    no_arguments(__doc__)
    sys.exit(asyncio.run(main()))
