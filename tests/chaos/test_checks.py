"""The chaos suite's own eyes: what it would see if a promise were broken."""

from __future__ import annotations

import asyncio
from itertools import islice
from pathlib import Path

import pytest
from agentmemory.v1 import memory_service_pb2 as pb

from tests.chaos.checks import GROWTH_BYTES, check_log, check_sizes
from tests.chaos.load import Surroundings, Talker, Watcher
from tests.chaos.record import Record, Size
from tests.chaos.schedule import LINK_KINDS, PROCESS_KINDS, schedule
from tests.support.conversations import conversation
from tests.support.proxy import Proxy


def surroundings() -> Surroundings:
    return Surroundings((), Record(), asyncio.Event(), pause=1, seconds=1)


def test_a_schedule_follows_from_its_seed_and_begins_with_every_kind() -> None:
    once, again = (list(islice(schedule(5, gap=1), 50)) for _ in range(2))
    assert once == again
    assert once != list(islice(schedule(6, gap=1), 50))
    assert {fault.kind for fault in once[:6]} == {*PROCESS_KINDS, *LINK_KINDS}


@pytest.mark.parametrize(
    ("turns", "said"),
    [
        ((0, 1, 2), None),
        ((0, 1), "lost"),
        ((0, 1, 1, 2), "twice"),
        ((0, 2, 1), "out of order"),
    ],
)
def test_a_log_that_is_not_what_was_acknowledged_is_seen(
    turns: tuple[int, ...], said: str | None
) -> None:
    around = surroundings()
    talker = Talker(around, "talker", 1, turns=3)
    talker.acknowledged, talker.sent = [0, 1, 2], 3
    log = [conversation(3)[turn] for turn in turns]
    for sequence, message in enumerate(log, 1):
        message.sequence = sequence
    check_log(talker, log, around.record)
    assert bool(around.record.broken) == bool(said)
    assert any((said or "") in line for line in [*around.record.broken, ""])


@pytest.mark.parametrize(("revisions", "broken"), [((1, 2, 4), 0), ((1, 1), 1), ((2, 1), 1)])
def test_a_watch_that_repeats_or_goes_back_is_seen(revisions: tuple[int, ...], broken: int) -> None:
    around = surroundings()
    watcher = Watcher(around, "keeper", 1)
    for revision in revisions:
        change = pb.MemoryChange(memory_id="m")
        watcher.note(pb.WatchMemoriesResponse(revision=revision, change=change))
    assert len(around.record.broken) == broken


def test_a_process_that_grows_in_a_long_life_is_seen() -> None:
    record = Record()
    for second in range(100):
        record.sizes.append(Size("memory-a", 1, second, 1000))
        record.sizes.append(Size("memory-b", 1, second, second * GROWTH_BYTES // 20))
    check_sizes(record)
    (line,) = record.broken
    assert "memory-b grew" in line


async def test_a_line_passes_on_is_slow_holds_and_is_cut(tmp_path: Path) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    server = await asyncio.start_unix_server(echo, tmp_path / "server")
    async with Proxy(tmp_path / "line", tmp_path / "server") as line:
        reader, writer = await asyncio.open_unix_connection(line.path)

        async def said(word: bytes) -> bytes:
            writer.write(word)
            return await reader.readexactly(len(word))

        assert await said(b"one") == b"one"
        loop = asyncio.get_running_loop()
        line.delay_seconds, began = 0.05, loop.time()
        assert await said(b"two") == b"two"
        assert loop.time() - began >= 0.1, "each way is slow"
        line.delay_seconds = 0
        line.hold()
        held = asyncio.create_task(said(b"three"))
        done, _ = await asyncio.wait([held], timeout=0.1)
        assert not done
        line.release()
        assert await held == b"three"
        assert line.cut() == 1
        assert await reader.read() == b""
        writer.close()
    server.close()
