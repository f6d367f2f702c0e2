"""The extractor on what no conversation is: an answer in bounded time, in bounded memory."""

from __future__ import annotations

import random
import time
from typing import Any

import grpc.aio
import psutil
import pytest
from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import memory_pb2

from examples.stack import Stack
from tests.contract.refusals import refusal_of

MIB = 1024 * 1024
LONGEST = 256 * 1024
"""Bytes of UTF-8 that the contract lets a message have."""

SECONDS = 30.0
"""What one of the longest messages may take on a busy machine; alone it takes a few."""

GROWTH = 700 * MIB
"""What all of them may add to the process: the parser's arrays of the longest are freed again."""


def filling(piece: str, size: int = LONGEST) -> str:
    """Return the piece again and again, as often as fits."""
    return piece * (size // len(piece.encode()))


def binary() -> str:
    chance = random.Random(1)
    return bytes(chance.randrange(256) for _ in range(64 * 1024)).decode("latin-1")


TEXTS = {
    "binary": binary(),
    "no space": filling("x"),
    "no space, many letters": filling("абвгд"),
    "null bytes": filling("I live in\x00 Oslo.\x00", 8192),
    "right to left": filling("أنا أعيش في برلين منذ مارس. ", 16384),
    "overrides": filling("\u202eI live in Oslo.\u202c\u200f ", 8192),
    "emoji": filling("👩‍👩‍👧‍👦🏳️‍🌈", 65536),
    "combining": "I live in Oslo" + "\u0301" * 50_000,
    "quotes in quotes": '"' * 1000 + "I live in Oslo." + '"' * 1000,
    "brackets": "(" * 1000 + "I live in Oslo." + ")" * 1000,
    "commas": filling("and I, "),
    "dots": filling("."),
    "lines": filling("\n", 65536),
    "digits": filling("1", 65536),
    "dates": filling("on 12/12/2024 ", 16384),
    "Han": filling("我住在北京。", 16384),
    "keys": filling("sk-" + "A" * 48 + " ", 65536),
}


def said(text: str, role: int = memory_pb2.ROLE_USER) -> memory_pb2.Message:
    return memory_pb2.Message(role=role, name="Alice", content=text)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", TEXTS)
async def test_a_hostile_text_is_answered_in_time_and_what_follows_is_understood(
    name: str, extractor: Any, stack: Stack
) -> None:
    process = psutil.Process(stack.extractor.pid)
    before, began = process.memory_info().rss, time.monotonic()
    request = pb.ExtractMemoriesRequest(messages=[said(TEXTS[name]), said("I live in Oslo.")])
    answer = await extractor.ExtractMemories(request, timeout=SECONDS)
    assert time.monotonic() - began < SECONDS
    assert process.memory_info().rss - before < GROWTH
    for memory in answer.extraction.memories:
        assert len(memory.text.encode()) <= 8192
        assert "\x00" not in memory.text
    assert "Alice lives in Oslo." in [memory.text for memory in answer.extraction.memories]


async def test_a_text_of_a_mebibyte_is_refused_before_it_is_looked_at(extractor: Any) -> None:
    request = pb.ExtractMemoriesRequest(messages=[said("x" * MIB)])
    refused = await refusal_of(extractor.ExtractMemories(request))
    assert refused.reason == "INVALID_FIELD"
    assert refused.fields == ("messages[0].content",)


async def test_hostile_texts_in_a_stream_do_not_hold_up_the_next_caller(extractor: Any) -> None:
    """One caller's longest message is worked on while another's short one is answered."""
    long = extractor.ExtractMemories(
        pb.ExtractMemoriesRequest(messages=[said(TEXTS["commas"])]), timeout=SECONDS
    )
    short = pb.ExtractMemoriesRequest(messages=[said("I live in Oslo.")])
    try:
        answer = await extractor.ExtractMemories(short, timeout=SECONDS)
    except grpc.aio.AioRpcError as error:
        pytest.fail(f"the short one was not answered: {error.code()}")
    assert len(answer.extraction.memories) == 1
    await long
