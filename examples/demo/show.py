"""Shows what the service answers to a person, as tables of ``rich``.

Everything that was said or remembered is printed as plain ``Text``: a bracket in it is no markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from agentmemory.v1 import memory_pb2, memory_service_pb2
from rich import box
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from . import wording
from .locomo import Conversation
from .play import APPEND, FLUSH
from .recall import Answer
from .stopwatch import percentile

MAX_ROWS = 40

_MAX_SOURCES = 3
_INDENT = (0, 0, 0, 2)


def memories_table(
    memories: Iterable[memory_pb2.Memory], conversation: Conversation
) -> RenderableType:
    """What was remembered, in the order in which it was said; of a long list, the beginning."""
    turns = wording.turns_by_source(conversation)
    ordered = wording.in_order_of_saying(memories, turns)
    table = Table(box=box.SIMPLE_HEAD, expand=True, padding=(0, 1, 0, 0))
    table.add_column("what is remembered", ratio=3)
    table.add_column("when", min_width=11)
    table.add_column("said in", ratio=2)
    for memory in ordered[:MAX_ROWS]:
        sources = [wording.quotation(source, turns) for source in memory.sources[:_MAX_SOURCES]]
        table.add_row(
            Group(
                Text(memory.text, style="bold"),
                Padding(Text(wording.details(memory), style="dim"), _INDENT),
            ),
            Text(wording.event_date(memory)),
            Text("\n".join(sources)),
        )
    left_out = len(ordered) - MAX_ROWS
    return Group(table, Text(f"… and {left_out:,} more")) if left_out > 0 else table


def answer_table(answer: Answer) -> RenderableType:
    """The question, the hits with their scores, and whether they come from the right turn."""
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(width=5, justify="right")
    table.add_column(ratio=1)
    table.add_column(min_width=11)
    table.add_column(min_width=6)
    for hit in answer.hits:
        table.add_row(
            Text(f"{hit.score:.3f}", style="cyan"),
            Text(hit.memory.text),
            Text(wording.event_date(hit.memory)),
            Text(wording.origins(hit.memory), style="dim"),
        )
    notes = [Text(note, style="dim") for note in _notes(answer)]
    question = Text(answer.question.text, style="bold")
    return Group(question, Padding(Group(table, *notes), _INDENT), Text())


def _notes(answer: Answer) -> Iterable[str]:
    if not answer.hits:
        yield "nothing found"
    if answer.degraded:
        yield "found by words alone: the extractor could not be asked"
    if answer.question.answer:
        verdict = wording.evidence_verdict(answer.question.evidence, answer.hits)
        yield f"expected: {answer.question.answer}  ({verdict})"


def prompt_table(prompt: memory_service_pb2.BuildPromptResponse) -> RenderableType:
    """The messages for a chat model, each beside who says it."""
    table = Table(box=box.SIMPLE_HEAD, expand=True, padding=(0, 1, 0, 0), show_lines=False)
    table.add_column("role", max_width=20)
    table.add_column("content", ratio=1)
    for message in prompt.messages:
        role = wording.role_name(message.role)
        speaker = f"{role} ({message.name})" if message.name else role
        table.add_row(Text(speaker, style="cyan"), Text(message.content))
    return table


def timing_table(laps: Mapping[str, Sequence[float]], conversation: Conversation) -> RenderableType:
    """How long each step took, what each session took to extract, and turns per second."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0))
    table.add_column("step")
    for heading in ("calls", "total", "p50", "p99"):
        table.add_column(heading, justify="right")
    for step, seconds in laps.items():
        figures = (sum(seconds), percentile(seconds, 50), percentile(seconds, 99))
        table.add_row(step, str(len(seconds)), *map(wording.duration, figures))
    flushes = zip(conversation.sessions, laps[FLUSH], strict=True)
    per_session = [f"{session.id} {wording.duration(seconds)}" for session, seconds in flushes]
    playing = sum(laps[APPEND]) + sum(laps[FLUSH])
    rate = conversation.turn_count / playing
    return Group(
        table,
        Text(f"{FLUSH} by session:"),
        Padding(Columns(per_session, padding=(0, 3, 0, 0), equal=True), _INDENT),
        Text(
            f"{conversation.turn_count} turns appended and extracted in "
            f"{wording.duration(playing)}: {rate:,.1f} turns/s"
        ),
    )
