"""Deltas reach all extractors behind one name, and each of them alone if the others are gone."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import extractor_service_pb2_grpc as pb_grpc
from agentmemory.v1 import memory_pb2

from memory_service.extractor_streams import ExtractStreams
from service_kit.channel import open_channel
from tests.support.extractor_peer import ExtractorServer, Peer, serving
from tests.support.waiting import wait_until

STREAMS = 4


@dataclass
class Pair:
    """Two extractors, and streams to both."""

    servers: list[ExtractorServer]
    grpc_servers: list[grpc.aio.Server]
    streams: ExtractStreams

    def ask(self, text: str) -> asyncio.Task[pb.Extraction]:
        delta = pb.Delta(messages=[memory_pb2.Message(id="m", content=text)])
        return asyncio.create_task(self.streams.extract(delta))

    @property
    def peers(self) -> list[Peer]:
        return [peer for server in self.servers for peer in server.peers if not peer.over]

    @property
    def asked(self) -> int:
        return sum(len(peer.deltas) for peer in self.peers)

    async def answer(self, tasks: list[asyncio.Task[pb.Extraction]]) -> None:
        """Have everything answered that was asked."""
        for peer in self.peers:
            for delta in peer.deltas:
                peer.answer(delta)
        await asyncio.gather(*tasks)


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    servers = [ExtractorServer(), ExtractorServer()]
    paths = [tmp_path / "one.sock", tmp_path / "two.sock"]
    async with AsyncExitStack() as stack:
        running = [
            await stack.enter_async_context(serving(path, server))
            for path, server in zip(paths, servers, strict=True)
        ]
        # As a name that has two addresses.
        target = f"unix:{paths[0]},{paths[1]}"
        channel = await stack.enter_async_context(open_channel(target))
        stub = pb_grpc.ExtractorServiceStub(channel)

        async def both_are_reached() -> bool:
            await stub.Embed(pb.EmbedRequest())
            return all(server.embedded for server in servers)

        # Before, a stream goes to whichever is connected first.
        await wait_until(both_are_reached, "both extractors are connected")
        streams = ExtractStreams(stub, timeout=20, streams=STREAMS)
        stack.push_async_callback(streams.close)
        yield Pair(servers, running, streams)


async def test_deltas_that_are_under_way_at_once_reach_both_extractors(pair: Pair):
    tasks = [pair.ask(f"text {n}") for n in range(2 * STREAMS)]
    await wait_until(lambda: pair.asked == len(tasks), "the deltas have come")
    assert [len(server.peers) for server in pair.servers] == [2, 2]
    assert {len(peer.deltas) for peer in pair.peers} == {2}
    await pair.answer(tasks)


async def test_one_delta_after_the_other_needs_no_more_than_one_stream(pair: Pair):
    for n in range(3):
        task = pair.ask(f"text {n}")
        await wait_until(lambda n=n: pair.asked == n + 1, "the delta has come")
        await pair.answer([task])
    assert len(pair.peers) == 1


async def test_the_streams_of_an_extractor_that_goes_are_opened_to_the_other(pair: Pair):
    tasks = [pair.ask(f"text {n}") for n in range(STREAMS)]
    await wait_until(lambda: pair.asked == STREAMS, "the deltas have come")
    await pair.answer(tasks)
    await pair.grpc_servers[0].stop(None)

    left = pair.servers[1]
    numbers = itertools.count()

    async def answered() -> bool:
        # Until it is noticed that a stream has ended, what is sent on it is refused.
        texts = [f"again {next(numbers)}" for _ in range(STREAMS)]
        asked = {text: pair.ask(text) for text in texts}
        await wait_until(lambda: missing(asked) == set(), "all are refused, or have come")
        for peer in left.peers:
            for delta in peer.deltas:
                peer.answer(delta)
        found = await asyncio.gather(*asked.values(), return_exceptions=True)
        return not any(isinstance(each, Exception) for each in found)

    def missing(asked: dict[str, asyncio.Task[pb.Extraction]]) -> set[str]:
        come = {delta.messages[0].content for peer in left.peers for delta in peer.deltas}
        return {text for text, task in asked.items() if not task.done()} - come

    await wait_until(answered, "all deltas are answered by the one that is left", seconds=20)
    assert len([peer for peer in left.peers if peer.deltas]) == STREAMS


async def test_the_extractors_limits_are_told(pair: Pair):
    assert (await pair.streams.opened()).max_delta_messages == 16
