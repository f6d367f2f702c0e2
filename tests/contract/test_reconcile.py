"""Reconcile over a real socket: changes of mind, and which part of bad input is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import memory_pb2
from agentmemory.v1.extractor_service_pb2_grpc import ExtractorServiceStub

from tests.contract.refusals import Refusal, invalid, refusal_of
from tests.contract.seed import said

KIB = 1024
START = datetime(2023, 5, 1, tzinfo=UTC)


def fact(text: str, day: int | None = 0, **fields: Any) -> memory_pb2.Memory:
    """Return a memory whose id is its text, said on a day counted from the start."""
    memory = memory_pb2.Memory(**{"id": text, "text": text, **fields})
    if day is not None:
        memory.mention_time.FromDatetime(START + timedelta(days=day))
    return memory


def beside(
    new: memory_pb2.Memory, *known: memory_pb2.Memory, similarity: float | None = None
) -> pb.ReconcileItem:
    neighbors = [pb.Neighbor(memory=each, similarity=similarity) for each in known]
    return pb.ReconcileItem(memory=new, neighbors=neighbors)


def request(*items: pb.ReconcileItem) -> pb.ReconcileRequest:
    return pb.ReconcileRequest(items=items)


async def decided(
    extractor: ExtractorServiceStub, *items: pb.ReconcileItem
) -> list[tuple[str, list[str]]]:
    answer = await extractor.Reconcile(request(*items))
    assert all(result.reason for result in answer.results)
    return [
        (
            pb.ReconcileDecision.Name(result.decision).removeprefix("RECONCILE_DECISION_"),
            list(result.memory_ids),
        )
        for result in answer.results
    ]


SCENARIOS = {
    "address": ("Alice lives in Paris.", "Alice moved to Berlin."),
    "job": ("Alice works at Acme.", "Alice started a new job at Globex."),
    "diet": ("Alice is vegetarian.", "Alice is vegan."),
    "spouse": ("Alice is married to Tom.", "Alice got divorced."),
    "plan cancelled": ("Alice wants to visit Paris.", "Alice cancelled the trip to Paris."),
    "name misspelt": ("Alice's boss is called John.", "Alice's boss is called Jon, not John."),
}


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_a_change_of_mind_takes_the_place_of_the_old_also_when_it_came_first(
    scenario: str, extractor: ExtractorServiceStub
) -> None:
    before, after = (fact(text, day) for day, text in enumerate(SCENARIOS[scenario]))
    assert await decided(extractor, beside(after, before), beside(before, after)) == [
        ("SUPERSEDE", [before.id]),
        ("SUPERSEDED", [after.id]),
    ]


async def test_what_is_said_in_a_conversation_has_the_slot_it_is_reconciled_by(
    extractor: ExtractorServiceStub,
) -> None:
    found = await extractor.ExtractMemories(
        pb.ExtractMemoriesRequest(
            messages=[
                said("I live in Lisbon. My sister Emma is a nurse.", name="Alice"),
                said("I moved to Porto! I love figs, and went to a fair.", name="Alice"),
                said("She is a doctor now.", name="Alice"),
            ]
        )
    )
    slots = {memory.text: memory.slot for memory in found.extraction.memories}
    assert slots["Alice lives in Lisbon."] == slots["Alice moved to Porto."] == "alice|home"
    assert slots["Alice's sister Emma is a nurse."] == slots["Emma is a doctor."] == "emma|job"
    lisbon, porto = fact("Alice lives in Lisbon."), fact("Alice moved to Porto.", 1)
    lisbon.slot = porto.slot = slots[lisbon.text]
    assert await decided(extractor, beside(porto, lisbon)) == [("SUPERSEDE", [lisbon.id])]


@pytest.mark.parametrize("name", ["李雷", "mia.k", "Smith, Jr."])
async def test_whoever_is_no_plain_name_to_a_parser_changes_their_mind_all_the_same(
    name: str, extractor: ExtractorServiceStub
) -> None:
    async def told(text: str, day: int) -> list[memory_pb2.Memory]:
        asked = pb.ExtractMemoriesRequest(messages=[said(text, name=name)])
        found = (await extractor.ExtractMemories(asked)).extraction.memories
        return [fact(each.text, day, slot=each.slot, entities=each.entities) for each in found]

    before = await told("I live in Rome. I work at Fiat. I'm vegetarian.", 0)
    after = await told("I moved to Oslo. I work at Equinor now. I'm not vegetarian anymore.", 1)
    assert await decided(extractor, *[beside(new, *before) for new in after]) == [
        ("SUPERSEDE", [old.id]) for old in before
    ]
    unnamed = [fact(old.text) for old in before]  # as those stored without slot and entities are
    assert await decided(extractor, *[beside(new, *unnamed) for new in after]) == [
        ("SUPERSEDE", [old.id]) for old in before
    ]


async def test_two_values_of_one_time_contradict_each_other(
    extractor: ExtractorServiceStub,
) -> None:
    paris, rome = fact("Alice lives in Paris."), fact("Alice lives in Rome.")
    assert await decided(extractor, beside(rome, paris)) == [("CONTRADICT", [paris.id])]


async def test_another_person_another_slot_and_no_neighbours_are_added(
    extractor: ExtractorServiceStub,
) -> None:
    alice = fact("Alice lives in Paris.")
    assert await decided(
        extractor,
        beside(fact("Bob lives in Rome.", 1), alice),
        beside(fact("Alice works at Acme.", 1), alice),
        beside(fact("Alice moved to Rome.", 1)),
    ) == [("ADD", []), ("ADD", []), ("ADD", [])]


async def test_a_paraphrase_is_a_duplicate_and_more_detail_an_update(
    extractor: ExtractorServiceStub,
) -> None:
    bees, more = fact("Alice keeps bees."), fact("Alice keeps bees in the garden.", 1)
    hiking = fact("Alice loves hiking.")
    assert await decided(
        extractor,
        beside(more, bees, similarity=0.95),
        beside(bees, more, similarity=0.95),
        beside(more, bees, similarity=0.3),
        beside(fact("Alice enjoys hiking.", 1), hiking, similarity=0.95),
    ) == [
        ("UPDATE", [bees.id]),
        ("DUPLICATE", [more.id]),
        ("ADD", []),
        ("DUPLICATE", [hiking.id]),
    ]


async def test_a_similarity_that_is_not_given_is_computed(extractor: ExtractorServiceStub) -> None:
    one, other = fact("Alice baked a cake."), fact("alice baked a cake", 1)
    unlike = fact("Alice painted a door.")
    assert await decided(extractor, beside(other, unlike, one)) == [("DUPLICATE", [one.id])]


async def test_what_was_said_again_counts_from_then(extractor: ExtractorServiceStub) -> None:
    paris, berlin = fact("Alice lives in Paris.", 1), fact("Alice lives in Berlin.", 5)
    assert await decided(extractor, beside(berlin, paris)) == [("SUPERSEDE", [paris.id])]
    paris.last_mention_time.FromDatetime(START + timedelta(days=9))
    assert await decided(extractor, beside(berlin, paris)) == [("SUPERSEDED", [paris.id])]


async def test_what_says_since_when_it_is_true_counts_from_then(
    extractor: ExtractorServiceStub,
) -> None:
    paris, berlin = fact("Alice lives in Paris.", 9), fact("Alice lives in Berlin.", 5)
    assert await decided(extractor, beside(berlin, paris)) == [("SUPERSEDED", [paris.id])]
    paris.valid_from.FromDatetime(START + timedelta(days=3))
    assert await decided(extractor, beside(berlin, paris)) == [("SUPERSEDE", [paris.id])]
    # What is yet to be is so when it was said.
    paris.valid_from.FromDatetime(START + timedelta(days=30))
    assert await decided(extractor, beside(berlin, paris)) == [("SUPERSEDED", [paris.id])]
    rome = fact("Alice lives in Rome.", 12)
    assert await decided(extractor, beside(rome, paris)) == [("SUPERSEDE", [paris.id])]


async def test_the_same_request_gets_the_same_answer(extractor: ExtractorServiceStub) -> None:
    asked = request(
        *[
            beside(*(fact(text, day) for day, text in enumerate(pair)))
            for pair in SCENARIOS.values()
        ]
    )
    first = await extractor.Reconcile(asked)
    assert len({(await extractor.Reconcile(asked)).SerializeToString() for _ in range(3)}) == 1
    assert (await extractor.Reconcile(asked)) == first


async def test_the_largest_input_is_taken(extractor: ExtractorServiceStub) -> None:
    known = [fact(f"Alice owns boat {n}.") for n in range(32)]
    items = [beside(fact("x" * 32 * KIB), *known, similarity=1)] * 64
    answer = await extractor.Reconcile(request(*items))
    assert len(answer.results) == 64


FINE = fact("Alice skis.")
LATE = fact("Alice skis.")
LATE.mention_time.seconds = 10**12
TRUE_TOO_LATE = fact("Alice skis.")
TRUE_TOO_LATE.valid_from.seconds = 10**12
STRANGE = fact("Alice skis.")
STRANGE.event_time.precision = 99  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        pytest.param(request(), invalid("items"), id="nothing"),
        pytest.param(request(*[beside(FINE)] * 65), invalid("items"), id="too many items"),
        pytest.param(request(beside(fact(""))), invalid("items[0].memory.text"), id="no text"),
        pytest.param(
            request(beside(fact("x" * (32 * KIB + 1)))),
            invalid("items[0].memory.text"),
            id="long text",
        ),
        pytest.param(
            request(beside(FINE), beside(FINE, *[FINE] * 33)),
            invalid("items[1].neighbors"),
            id="too many neighbours",
        ),
        pytest.param(
            request(beside(FINE, FINE, fact(""))),
            invalid("items[0].neighbors[1].memory.text", "items[0].neighbors[1].memory.id"),
            id="an empty neighbour",
        ),
        pytest.param(
            request(beside(FINE, FINE, similarity=1.1)),
            invalid("items[0].neighbors[0].similarity"),
            id="too near",
        ),
        pytest.param(
            request(beside(FINE, FINE, similarity=-1.1)),
            invalid("items[0].neighbors[0].similarity"),
            id="too far",
        ),
        pytest.param(
            request(beside(FINE, FINE, similarity=float("nan"))),
            invalid("items[0].neighbors[0].similarity"),
            id="no number",
        ),
        pytest.param(
            request(beside(fact("Alice skis.", slot="x" * 257))),
            invalid("items[0].memory.slot"),
            id="long slot",
        ),
        pytest.param(request(beside(LATE)), invalid("items[0].memory.mention_time"), id="no time"),
        pytest.param(
            request(beside(TRUE_TOO_LATE)),
            invalid("items[0].memory.valid_from"),
            id="no beginning",
        ),
        pytest.param(
            request(beside(STRANGE)),
            invalid("items[0].memory.event_time.precision"),
            id="unknown precision",
        ),
    ],
)
async def test_bad_input_is_refused_with_all_fields_at_fault(
    asked: pb.ReconcileRequest, refusal: Refusal, extractor: ExtractorServiceStub
) -> None:
    assert await refusal_of(extractor.Reconcile(asked)) == refusal
