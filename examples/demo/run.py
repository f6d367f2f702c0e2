"""The demo from beginning to end, against a service that is already running."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import grpc.aio
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from rich.console import Console
from rich.text import Text

from service_kit.errors import read_error

from . import show
from .locomo import Conversation, ConversationError, read_conversation
from .play import is_known, play
from .recall import Reader, questions_for
from .stopwatch import Stopwatch

if TYPE_CHECKING:
    # The asynchronous stub is a type only; a MemoryServiceStub on an aio channel is one.
    from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceAsyncStub

OWN_CONVERSATION = Path(__file__).with_name("conversation.json")

_WIDTH_OFF_TERMINAL = 110


async def run(target: str, conversation: Path | None = None, item: int = 0) -> int:
    """Play a conversation to the MemoryService at ``target`` and print what it remembers.

    ``target`` is ``host:port`` or ``unix:path``; ``conversation`` is a file in LoCoMo format, by
    default the one beside this module, and ``item`` its place in the file. Returns the exit
    status: 0, or 1 after one line on standard error.
    """
    try:
        played = read_conversation(conversation or OWN_CONVERSATION, item)
        async with grpc.aio.insecure_channel(target) as channel:
            await _demonstrate(MemoryServiceStub(channel), played, _console())
    except ConversationError as error:
        return _fail(str(error))
    except grpc.aio.AioRpcError as error:
        return _fail(describe_failure(error, target))
    return 0


def describe_failure(error: grpc.RpcError, target: str) -> str:
    """Put a failed call into one line, with its code and its reason if it has one."""
    failure = read_error(error)
    if failure.code is grpc.StatusCode.UNAVAILABLE and not failure.reason:
        return f"no MemoryService answers at {target} (UNAVAILABLE): is it running?"
    code = " / ".join(filter(None, [failure.code.name, failure.reason]))
    return f"MemoryService at {target} answered {code}: {' '.join(failure.message.split())}"


async def _demonstrate(
    stub: MemoryServiceAsyncStub, conversation: Conversation, console: Console
) -> None:
    # The first call says whether anybody is there, before anything is printed.
    played_before = await is_known(stub, conversation)
    stopwatch = Stopwatch()
    _headline(
        console,
        f"{' and '.join(conversation.speakers)} talk: {len(conversation.sessions)} sessions, "
        f"{conversation.turn_count} turns",
    )
    if played_before:
        console.print("Played here before: what is known is neither appended nor extracted again.")
    revision = await play(stub, conversation, stopwatch, console)
    reader = Reader(stub, conversation, revision, stopwatch)

    memories = await reader.memories()
    _headline(console, f"What was remembered: {len(memories):,} memories")
    console.print(show.memories_table(memories, conversation))

    _headline(console, "Searches, by meaning and by words")
    questions = questions_for(conversation)
    for question in questions:
        console.print(show.answer_table(await reader.answer(question)))

    _headline(console, "A prompt for a chat model")
    console.print(show.prompt_table(await reader.prompt(questions[-1].text)))

    _headline(console, "How long it took")
    console.print(show.timing_table(stopwatch.laps, conversation))


def _headline(console: Console, text: str) -> None:
    console.print()
    console.rule(Text(text, style="bold"), align="left")


def _console() -> Console:
    # Off a terminal, rich would take 80 columns, too few for the tables.
    return Console(width=None if sys.stdout.isatty() else _WIDTH_OFF_TERMINAL)


def _fail(line: str) -> int:
    sys.stderr.write(f"demo: {line}\n")
    return 1
