from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import memory_pb2
from google.protobuf.duration_pb2 import Duration

from memory_service.domain.errors import ExtractionFailed, ExtractorTooSlow, ExtractorUnavailable
from memory_service.extractor_stream import ExtractStream
from tests.support.extractor_peer import ExtractorServer, Peer, serving, stub_of
from tests.support.waiting import wait_until


@dataclass
class Line:
    stream: ExtractStream
    server: ExtractorServer
    path: Path
    stack: AsyncExitStack
    grpc_server: grpc.aio.Server

    def ask(self, text: str) -> asyncio.Task[pb.Extraction]:
        delta = pb.Delta(messages=[memory_pb2.Message(id="m", content=text)])
        return asyncio.create_task(self.stream.extract(delta))

    async def asked(self, *texts: str, peer: int = 1) -> tuple[list[asyncio.Task], Peer]:
        """Ask, and wait until the other end has been told."""
        tasks = [self.ask(text) for text in texts]
        other = await self.server.peer(peer)
        await wait_until(lambda: len(other.deltas) >= len(texts), "the deltas have come")
        return tasks, other

    async def restart(self) -> None:
        await self.grpc_server.stop(None)
        self.grpc_server = await self.stack.enter_async_context(serving(self.path, self.server))


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    async for line in lines(tmp_path, timeout=20):
        yield line


@pytest.fixture
async def hasty(tmp_path: Path) -> AsyncIterator[Line]:
    """A line whose patience ends after a fifth of a second."""
    async for line in lines(tmp_path, timeout=0.2):
        yield line


async def lines(tmp_path: Path, *, timeout: float) -> AsyncIterator[Line]:  # noqa: ASYNC109
    server = ExtractorServer()
    async with AsyncExitStack() as stack:
        path = tmp_path / "extractor.sock"
        grpc_server = await stack.enter_async_context(serving(path, server))
        stub = await stack.enter_async_context(stub_of(path))
        stream = ExtractStream(stub, timeout=timeout)
        stack.push_async_callback(stream.close)
        yield Line(stream, server, path, stack, grpc_server)
    assert not [task for task in asyncio.all_tasks() if "Connection." in repr(task.get_coro())]


async def unavailable(task: asyncio.Task) -> None:
    with pytest.raises(ExtractorUnavailable) as caught:
        await task
    assert not isinstance(caught.value, ExtractorTooSlow)


async def too_slow(task: asyncio.Task) -> None:
    with pytest.raises(ExtractorTooSlow) as caught:
        await task
    assert caught.value.messages == 1


async def test_the_stream_is_opened_once_and_tells_its_limits(line: Line):
    opened = await asyncio.gather(*(line.stream.opened() for _ in range(5)))
    assert {(o.context_messages, o.max_delta_messages) for o in opened} == {(3, 16)}
    assert len(line.server.peers) == 1


async def test_a_delta_is_answered(line: Line):
    (task,), peer = await line.asked("one")
    assert [m.content for m in peer.deltas[0].messages] == ["one"]
    peer.answer(peer.deltas[0])
    assert (await task).extractor == "one"


async def test_a_delta_arrives_whole(line: Line):
    message = memory_pb2.Message(id="m", content="one")
    strategy = memory_pb2.ExtractionStrategy(kind=memory_pb2.EXTRACTION_KIND_PREFERENCES)
    delta = pb.Delta(context=[message], messages=[message], strategy=strategy)
    task = asyncio.create_task(line.stream.extract(delta))
    peer = await line.server.peer()
    await wait_until(lambda: len(peer.deltas) == 1, "the delta has come")
    numbered = pb.Delta(sequence=1)
    numbered.MergeFrom(delta)
    assert peer.deltas == [numbered]
    peer.answer(peer.deltas[0])
    await task


async def test_answers_find_their_askers_in_any_order(line: Line):
    texts = [f"text {n}" for n in range(50)]
    tasks, peer = await line.asked(*texts)
    assert [delta.sequence for delta in peer.deltas] == list(range(1, 51))
    for delta in reversed(peer.deltas):
        peer.answer(delta)
    assert [extraction.extractor for extraction in await asyncio.gather(*tasks)] == texts


async def test_no_more_are_in_flight_than_the_other_end_takes(line: Line):
    line.server.max_in_flight = 2
    tasks = [line.ask(str(n)) for n in range(6)]
    peer = await line.server.peer()
    answered = 0
    while answered < 6:
        await wait_until(lambda: len(peer.deltas) > answered, "the next has come")  # noqa: B023
        assert len(peer.deltas) - answered <= 2
        peer.answer(peer.deltas[answered])
        answered += 1
        await tasks[answered - 1]


@pytest.mark.parametrize("reason", ["EXTRACTION_FAILED", "INVALID_FIELD"])
async def test_a_bad_input_is_told_apart_and_the_stream_goes_on(line: Line, reason: str):
    (bad, good), peer = await line.asked("bad", "good")
    peer.refuse(peer.deltas[0], grpc.StatusCode.INVALID_ARGUMENT, reason)
    with pytest.raises(ExtractionFailed) as caught:
        await bad
    assert caught.value.reason == reason
    peer.answer(peer.deltas[1])
    assert (await good).extractor == "good"
    assert len(line.server.peers) == 1


@pytest.mark.parametrize("code", ["RESOURCE_EXHAUSTED", "INTERNAL", "UNAVAILABLE", "ABORTED"])
async def test_any_other_error_is_not_the_inputs_fault(line: Line, code: str):
    (task,), peer = await line.asked("one")
    peer.refuse(peer.deltas[0], grpc.StatusCode[code], "OVERLOADED")
    await unavailable(task)


async def test_a_result_without_an_outcome_or_an_asker_hurts_nobody(line: Line):
    (empty, good), peer = await line.asked("empty", "good")
    peer.say(result=pb.Result(sequence=99))
    peer.say()
    peer.say(result=pb.Result(sequence=1))
    await unavailable(empty)
    peer.answer(peer.deltas[1])
    peer.answer(peer.deltas[1])
    assert (await good).extractor == "good"


@pytest.mark.parametrize("code", [None, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE])
async def test_a_stream_that_ends_tells_every_waiter_and_is_opened_again(line: Line, code):
    tasks, peer = await line.asked("one", "two")
    peer.end(code)
    for task in tasks:
        await unavailable(task)
    (task,), second = await line.asked("three", peer=2)
    assert second.deltas[0].sequence == 1
    second.answer(second.deltas[0])
    assert (await task).extractor == "three"


async def test_a_restarted_extractor_is_found_again(line: Line):
    (task,), _ = await line.asked("one")
    await line.restart()
    await unavailable(task)

    async def answers() -> bool:
        try:
            await line.stream.opened()
        except ExtractorUnavailable:
            return False
        return True

    await wait_until(answers, "the stream is open again")
    (task,), peer = await line.asked("two", peer=2)
    peer.answer(peer.deltas[0])
    assert (await task).extractor == "two"


async def test_an_extractor_that_is_not_there_is_unavailable(tmp_path: Path):
    async with stub_of(tmp_path / "nobody.sock") as stub:
        stream = ExtractStream(stub, timeout=10)
        with pytest.raises(ExtractorUnavailable):
            await stream.opened()
        with pytest.raises(ExtractorUnavailable):
            await stream.extract(pb.Delta())
        await stream.close()


async def test_before_it_stops_the_other_end_answers_what_it_has_and_gets_no_more(line: Line):
    (task,), first = await line.asked("one")
    first.say(draining=pb.Draining())
    await wait_until(lambda: line.stream._connection.draining, "the word has come")
    (other,), second = await line.asked("two", peer=2)
    assert len(first.deltas) == 1
    assert not first.half_closed
    first.answer(first.deltas[0])
    second.answer(second.deltas[0])
    assert [(await t).extractor for t in (task, other)] == ["one", "two"]
    await wait_until(lambda: first.half_closed, "the first stream is half-closed")
    assert not second.half_closed


async def test_who_waits_for_a_place_on_a_stream_that_drains_is_taken_to_another(line: Line):
    line.server.max_in_flight = 1
    (task,), first = await line.asked("one")
    waiting = line.ask("two")
    first.say(draining=pb.Draining())
    await wait_until(lambda: line.stream._connection.draining, "the word has come")
    first.answer(first.deltas[0])
    second = await line.server.peer(2)
    await wait_until(lambda: bool(second.deltas), "the delta has come to the other stream")
    second.answer(second.deltas[0])
    assert [(await t).extractor for t in (task, waiting)] == ["one", "two"]


async def test_an_idle_stream_is_half_closed_as_soon_as_the_other_end_drains(line: Line):
    await line.stream.opened()
    peer = await line.server.peer()
    peer.say(draining=pb.Draining())
    await wait_until(lambda: peer.half_closed, "the stream is half-closed")
    peer.end()
    await line.stream.opened()
    assert len(line.server.peers) == 2


async def test_one_who_gives_up_leaves_a_draining_stream_free_to_end(line: Line):
    (task,), peer = await line.asked("one")
    peer.say(draining=pb.Draining())
    await wait_until(lambda: line.stream._connection.draining, "the word has come")
    task.cancel()
    await wait_until(lambda: peer.half_closed, "the stream is half-closed")


async def test_backoff_holds_new_deltas_back_and_no_results(line: Line):
    (task,), peer = await line.asked("one")
    peer.say(backoff=pb.Backoff(delay=Duration(nanos=300_000_000)))
    peer.say(backoff=pb.Backoff(delay=Duration(nanos=1)))
    peer.answer(peer.deltas[0])
    assert (await task).extractor == "one"
    second = line.ask("two")
    started = asyncio.get_running_loop().time()
    await wait_until(lambda: len(peer.deltas) == 2, "the second has come")
    # A later and shorter backoff does not end an earlier and longer one.
    assert asyncio.get_running_loop().time() - started > 0.1
    peer.answer(peer.deltas[1])
    assert (await second).extractor == "two"


async def test_one_who_is_cancelled_leaves_the_others_alone(line: Line):
    (one, two), peer = await line.asked("one", "two")
    one.cancel()
    with pytest.raises(asyncio.CancelledError):
        await one
    for delta in peer.deltas:
        peer.answer(delta)
    assert (await two).extractor == "two"
    assert len(line.server.peers) == 1


async def test_an_answer_that_never_comes_is_not_waited_for_and_the_stream_is_opened_anew(
    hasty: Line,
):
    (task, other), first = await hasty.asked("one", "another")
    await too_slow(task)
    await wait_until(lambda: first.over, "the silent stream is ended")
    await too_slow(other)
    (task,), second = await hasty.asked("two", peer=2)
    second.answer(second.deltas[0])
    assert (await task).extractor == "two"


async def test_one_slow_answer_does_not_end_a_stream_that_still_answers_others(hasty: Line):
    (slow,), peer = await hasty.asked("slow")
    answered = 0
    while not slow.done():
        quick = hasty.ask("quick")
        await wait_until(lambda: len(peer.deltas) > answered + 1, "it has come")  # noqa: B023
        answered += 1
        peer.answer(peer.deltas[answered])
        assert (await quick).extractor == "quick"
    await too_slow(slow)
    assert not peer.over
    assert len(hasty.server.peers) == 1


async def test_who_waits_for_a_place_does_not_end_the_work_of_those_who_have_one(hasty: Line):
    """A full extractor is a slow one: to end its stream would lose all that it has done."""
    hasty.server.max_in_flight = 1
    tasks = [hasty.ask(str(n)) for n in range(4)]
    peer = await hasty.server.peer()
    for n, task in enumerate(tasks):
        await wait_until(lambda: len(peer.deltas) > n, "the next has come")  # noqa: B023
        await asyncio.sleep(0.1)  # Work: all together it takes longer than one may wait.
        peer.answer(peer.deltas[n])
        assert (await task).extractor == str(n)
    assert len(hasty.server.peers) == 1


async def test_a_late_answer_on_an_old_stream_does_not_end_the_new_one(hasty: Line):
    (old,), first = await hasty.asked("old")
    first.say(draining=pb.Draining())
    await wait_until(lambda: hasty.stream._connection.draining, "the word has come")
    (new,), second = await hasty.asked("new", peer=2)
    second.answer(second.deltas[0])
    assert (await new).extractor == "new"
    await too_slow(old)
    assert not second.over
    await hasty.stream.opened()
    assert len(hasty.server.peers) == 2


@pytest.mark.parametrize("call", ["opened", "extract"])
async def test_an_end_that_never_opens_is_unavailable_and_its_streams_are_ended(
    hasty: Line, call: str
):
    hasty.server.mute = True
    with pytest.raises(ExtractorUnavailable):
        await (hasty.stream.opened() if call == "opened" else hasty.stream.extract(pb.Delta()))
    peer = await hasty.server.peer()
    await wait_until(lambda: peer.over, "the stream is ended")


async def test_one_who_is_cancelled_while_the_stream_is_opened_leaves_no_stream(line: Line):
    line.server.mute = True
    task = line.ask("one")
    peer = await line.server.peer()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await wait_until(lambda: peer.over, "the stream is ended")


async def test_a_closed_stream_tells_its_waiters_and_can_be_opened_again(line: Line):
    (task,), peer = await line.asked("one")
    await line.stream.close()
    await line.stream.close()
    await unavailable(task)
    await wait_until(lambda: peer.over, "the stream is ended")
    await line.stream.opened()
    assert len(line.server.peers) == 2
