"""Summarize over a real socket: what it gives, and which part of bad input is refused."""

from __future__ import annotations

from typing import Any

import pytest
from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import memory_pb2
from agentmemory.v1.extractor_service_pb2_grpc import ExtractorServiceStub

from tests.contract.refusals import Refusal, invalid, refusal_of
from tests.contract.seed import said

KIB = 1024


def request(*messages: memory_pb2.Message, **fields: Any) -> pb.SummarizeRequest:
    return pb.SummarizeRequest(messages=messages, **fields)


async def test_a_summary_grows_with_what_is_said(extractor: ExtractorServiceStub) -> None:
    home = said("I live in Lisbon.", name="Alice")
    first = await extractor.Summarize(request(home))
    assert first.summary == "Alice lives in Lisbon."
    assert first.summarizer
    sister = said("My sister Emma is a nurse.", name="Alice")
    second = await extractor.Summarize(
        request(said("She lives in Rome.", name="Alice"), context=[sister], summary=first.summary)
    )
    assert second.summary.splitlines()[0] == first.summary
    assert "Rome" in second.summary.splitlines()[1]
    assert "nurse" not in second.summary
    assert await extractor.Summarize(request(home, summary=second.summary)) == second


async def test_small_talk_changes_nothing(extractor: ExtractorServiceStub) -> None:
    asked = request(said("Hello! How are you?", name="Alice"), summary="Alice  skis.\n")
    assert (await extractor.Summarize(asked)).summary == "Alice  skis.\n"


async def test_the_largest_input_is_taken(extractor: ExtractorServiceStub) -> None:
    asked = request(
        *[said("Hi!")] * 256, summary="x" * 32 * KIB, max_tokens=4096, context=[said("Hello.")]
    )
    assert (await extractor.Summarize(asked)).summary == asked.summary


async def test_a_summary_has_no_more_tokens_than_asked_for(extractor: ExtractorServiceStub) -> None:
    old = "\n".join(f"Alice saw bird {n}." for n in range(6))
    asked = request(said("I live in Lisbon.", name="Alice"), summary=old, max_tokens=16)
    kept = (await extractor.Summarize(asked)).summary.splitlines()
    assert kept == [*old.splitlines()[-3:], "Alice lives in Lisbon."]


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        pytest.param(request(), invalid("messages"), id="nothing"),
        pytest.param(request(*[said()] * 257), invalid("messages"), id="too many messages"),
        pytest.param(request(said("")), invalid("messages[0].content"), id="no text"),
        pytest.param(
            request(said("x" * (256 * KIB + 1))), invalid("messages[0].content"), id="long text"
        ),
        pytest.param(request(said(role=99)), invalid("messages[0].role"), id="unknown role"),
        pytest.param(
            request(said(id="a"), said(id="a")), invalid("messages[1].id"), id="an id twice"
        ),
        pytest.param(
            request(said(), context=[said("")]), invalid("context[0].content"), id="bad context"
        ),
        pytest.param(
            request(said(), summary="é" * 16 * KIB + "x"), invalid("summary"), id="long summary"
        ),
        pytest.param(request(said(), max_tokens=-1), invalid("max_tokens"), id="below zero"),
        pytest.param(request(said(), max_tokens=15), invalid("max_tokens"), id="too few tokens"),
        pytest.param(request(said(), max_tokens=4097), invalid("max_tokens"), id="too many tokens"),
        pytest.param(
            request(said(""), summary="x" * 33 * KIB, max_tokens=1),
            invalid("messages[0].content", "summary", "max_tokens"),
            id="several faults",
        ),
    ],
)
async def test_bad_input_is_refused_with_all_fields_at_fault(
    asked: pb.SummarizeRequest, refusal: Refusal, extractor: ExtractorServiceStub
) -> None:
    assert await refusal_of(extractor.Summarize(asked)) == refusal
