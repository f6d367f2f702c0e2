"""Changes of mind, told in sessions: what is current, what was, and why; whatever comes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path

import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from memory_service.domain.memory import NewMemory
from memory_service.domain.owner import Owner, SessionRef
from memory_service.domain.session import Message, Role
from memory_service.domain.session_options import DISCRETE
from memory_service.embedded import EmbeddedRedis
from memory_service.extractor import RemoteExtractor
from memory_service.extractor_stream import ExtractStream
from tests.support.client import Caller, Stub, connected, said
from tests.support.embedding import any_model
from tests.support.extractor_peer import stub_of
from tests.support.stack import SMALL_DELTAS, Services, memory_in, serving


def at(text: str) -> Timestamp:
    moment = Timestamp()
    moment.FromJsonString(f"{text}T12:00:00Z")
    return moment


@dataclass(frozen=True)
class Change:
    """What was said on two days, and what is remembered of each."""

    name: str
    said: tuple[str, str]
    old: str
    new: str


FIRST, SECOND, BETWEEN = "2024-01-10", "2024-03-10", "2024-02-01"
CHANGES = [
    # address
    Change(
        "lives elsewhere",
        ("I live in Paris.", "I live in Berlin now."),
        "Alice lives in Paris.",
        "Alice lives in Berlin.",
    ),
    Change(
        "has moved",
        ("I'm based in Oslo.", "I moved back to Bergen."),
        "Alice is based in Oslo.",
        "Alice moved back to Bergen.",
    ),
    Change(
        "a mother lives there no more",
        ("My mother lives in Rome.", "My mother doesn't live in Rome any more."),
        "Alice's mother lives in Rome.",
        "Alice's mother doesn't live in Rome any more.",
    ),
    # job
    Change(
        "works elsewhere",
        ("I work at Google.", "I work at Apple now."),
        "Alice works at Google.",
        "Alice works at Apple.",
    ),
    Change(
        "has quit",
        ("I work at Google.", "I quit my job at Google."),
        "Alice works at Google.",
        "Alice quit Alice's job at Google.",
    ),
    Change(
        "a sister changed her job",
        ("My sister Emma is a nurse.", "My sister Emma became a teacher."),
        "Alice's sister Emma is a nurse.",
        "Alice's sister Emma became a teacher.",
    ),
    # diet
    Change(
        "not vegetarian any more",
        ("I am vegetarian.", "I'm not vegetarian any more."),
        "Alice is vegetarian.",
        "Alice is not vegetarian any more.",
    ),
    Change(
        "eats meat again",
        ("I am vegetarian.", "I eat meat again."),
        "Alice is vegetarian.",
        "Alice eats meat again.",
    ),
    Change(
        "has gone vegan",
        ("I eat meat.", "I went vegan."),
        "Alice eats meat.",
        "Alice went vegan.",
    ),
    Change(
        "gave up being vegan",
        ("I'm vegan.", "I gave up being vegan, it was too hard."),
        "Alice is vegan.",
        "Alice gave up being vegan.",
    ),
    # spouse
    Change(
        "divorced",
        ("I am married to Tom.", "I am divorced."),
        "Alice is married to Tom.",
        "Alice is divorced.",
    ),
    Change(
        "married",
        ("I'm single.", "I'm married to Sam now."),
        "Alice is single.",
        "Alice is married to Sam now.",
    ),
    Change(
        "broke up",
        ("I'm dating Sam.", "Sam and I broke up, so I'm single again."),
        "Alice is dating Sam.",
        "Alice is single again.",
    ),
    # a plan cancelled
    Change(
        "a trip cancelled",
        ("I'm going to travel to Rome in June.", "I cancelled my trip to Rome."),
        "Alice is going to travel to Rome in June 2024.",
        "Alice cancelled Alice's trip to Rome.",
    ),
    Change(
        "the trip is cancelled",
        ("We're planning a trip to Japan.", "The trip to Japan is cancelled."),
        "Alice is planning a trip to Japan.",
        "Alice says the trip to Japan is cancelled.",
    ),
    Change(
        "the wedding is called off",
        ("We're getting married in June.", "We called off the wedding."),
        "Alice is getting married in June 2024.",
        "Alice called off the wedding.",
    ),
    Change(
        "not going after all",
        ("I'm going to Berlin in June.", "I'm not going to Berlin after all."),
        "Alice is going to Berlin in June 2024.",
        "Alice is not going to Berlin after all.",
    ),
    # a name misspelt, then corrected
    Change(
        "a dog's name corrected",
        ("My dog's name is Rex.", "My dog's name is Max, not Rex."),
        "Alice's dog's name is Rex.",
        "Alice's dog's name is Max, not Rex.",
    ),
    Change(
        "a brother's name corrected",
        ("My brother's name is John.", "My brother is called Jon, not John."),
        "Alice's brother's name is John.",
        "Alice's brother is called Jon, not John.",
    ),
    Change(
        "a husband's name spelt",
        ("My husband is called Steven.", "My husband's name is spelt Stephen."),
        "Alice's husband is called Steven.",
        "Alice's husband's name is spelt Stephen.",
    ),
]


async def tell(caller: Caller, session: str, day: str, *texts: str) -> None:
    messages = [said(text) for text in texts]
    for message in messages:
        message.create_time.CopyFrom(at(day))
    await caller.append(session, messages)
    await caller.flush(session)


async def found(stub: Stub, caller: Caller, *, on: str = "") -> set[str]:
    """What a search gives, today or of a day."""
    options = memory_pb2.SearchOptions()
    if on:
        options.as_of.valid_time.CopyFrom(at(on))
    request = pb.SearchMemoriesRequest(
        scope=caller.scope(), query="What about Alice?", options=options
    )
    return {hit.memory.text for hit in (await stub.SearchMemories(request)).hits}


async def true_on(stub: Stub, caller: Caller, day: str) -> set[str]:
    """What a list gives of a day, also of what waits for its vector."""
    request = pb.ListMemoriesRequest(
        scope=caller.scope(), as_of=memory_pb2.AsOf(valid_time=at(day)), page_size=200
    )
    return {memory.text for memory in (await stub.ListMemories(request)).memories}


async def every(stub: Stub, caller: Caller) -> dict[str, memory_pb2.Memory]:
    request = pb.ListMemoriesRequest(scope=caller.scope(), include_superseded=True, page_size=200)
    return {memory.text: memory for memory in (await stub.ListMemories(request)).memories}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["told in order", "told backwards"])
async def test_of_a_change_of_mind_the_new_is_current_and_the_old_was(
    stub: Stub, caller: Caller, change: Change, order: Sequence[int]
) -> None:
    for number in order:
        await tell(caller, f"s{number}", (FIRST, SECOND)[number], change.said[number])
    assert await found(stub, caller) == {change.new}
    assert await found(stub, caller, on=BETWEEN) == {change.old}
    assert await found(stub, caller, on="2024-04-01") == {change.new}
    kept = await every(stub, caller)
    old, new = kept[change.old], kept[change.new]
    assert (old.superseded_by, list(new.supersedes)) == (new.id, [old.id])
    assert old.supersede_reason.startswith("same slot")
    assert old.slot == new.slot
    assert old.valid_to == new.valid_from == at(SECOND)
    assert (old.mention_time, new.mention_time) == (at(FIRST), at(SECOND))
    changed = old if order == (0, 1) else new
    history = await stub.ListMemoryRevisions(
        pb.ListMemoryRevisionsRequest(scope=caller.scope(), id=changed.id)
    )
    assert [r.cause for r in history.revisions] == [pb.REVISION_CAUSE_SUPERSEDE]


TOGETHER = (
    "lives elsewhere",
    "works elsewhere",
    "eats meat again",
    "divorced",
    "not going after all",
)


async def test_a_change_of_mind_within_one_session_ends_the_same(
    stub: Stub, caller: Caller
) -> None:
    changes = [change for change in CHANGES if change.name in TOGETHER]
    turns = [text for change in changes for text in change.said]
    messages = [said(text) for text in turns]
    for number, message in enumerate(messages):
        message.create_time.CopyFrom(Timestamp(seconds=at(FIRST).seconds + number))
    await caller.append("chat", messages)
    await caller.flush("chat")
    assert await caller.texts() == {change.new for change in changes}
    assert set(await every(stub, caller)) == {
        text for change in changes for text in (change.old, change.new)
    }


@pytest.mark.parametrize(
    ("turns", "old", "new"),
    [
        (
            ["My brother's name is John.", "Sorry, it's Jon, not John."],
            "Alice's brother's name is John.",
            "Alice's brother's name is Jon, not John.",
        ),
        (
            ["My sister is called Katherine.", "I misspelled her name, it's Catherine."],
            "Alice's sister is called Katherine.",
            "Alice's sister's name is Catherine, not Katherine.",
        ),
        (
            ["My friend is called Emily.", "I meant Emilie."],
            "Alice's friend is called Emily.",
            "Alice's friend's name is Emilie, not Emily.",
        ),
    ],
    ids=["brother", "sister", "friend"],
)
@pytest.mark.parametrize("apart", [0, 60])
async def test_a_name_put_right_in_the_next_message_is_the_only_one_left(
    stub: Stub, caller: Caller, turns: list[str], old: str, new: str, apart: int
) -> None:
    messages = [said(text) for text in turns]
    for number, message in enumerate(messages):
        message.create_time.CopyFrom(Timestamp(seconds=at(FIRST).seconds + number * apart))
    await caller.append("chat", messages)
    await caller.flush("chat")
    assert await found(stub, caller) == {new}
    kept = await every(stub, caller)
    assert kept[old].superseded_by == kept[new].id
    assert kept[old].supersede_reason == "same slot, corrected"


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_of_three_homes_each_was_one_until_the_next_whichever_was_told_first(
    stub: Stub, caller: Caller, order: Sequence[int]
) -> None:
    told = [("2024-01-10", "Paris"), ("2024-02-10", "Berlin"), ("2024-03-10", "Rome")]
    for number in order:
        day, place = told[number]
        await tell(caller, f"s{number}", day, f"I live in {place}.")
    assert await found(stub, caller) == {"Alice lives in Rome."}
    for on, place in (("2024-01-20", "Paris"), ("2024-02-20", "Berlin"), ("2024-03-20", "Rome")):
        assert await found(stub, caller, on=on) == {f"Alice lives in {place}."}
    kept = await every(stub, caller)
    first, second, third = (kept[f"Alice lives in {place}."] for _, place in told)
    assert (first.valid_to, second.valid_to) == (at("2024-02-10"), at("2024-03-10"))
    assert (second.valid_from, third.valid_from) == (first.valid_to, second.valid_to)
    assert (first.superseded_by, second.superseded_by) == (second.id, third.id)


async def test_a_fact_that_changed_back_is_current_whatever_was_told_first(
    stub: Stub, caller: Caller
) -> None:
    days = [("2024-01-10", "Paris"), ("2024-02-10", "Berlin"), ("2024-03-10", "Paris")]
    for order in permutations(range(3)):
        one = replace(caller, user=f"{caller.user} {order}")
        for number in order:
            day, place = days[number]
            await tell(one, f"s{number}", day, f"I live in {place}.")
        assert await one.texts() == {"Alice lives in Paris."}
        (current,) = await one.memories()
        assert current.last_mention_time == at("2024-03-10")
        for on, place in (("2024-01-20", "Paris"), ("2024-02-20", "Berlin")):
            assert await true_on(stub, one, on) == {f"Alice lives in {place}."}


async def test_what_a_user_deleted_does_not_come_back(stub: Stub, caller: Caller) -> None:
    await tell(caller, "s0", FIRST, "I live in Paris.")
    (memory,) = await caller.memories()
    await stub.DeleteMemories(pb.DeleteMemoriesRequest(scope=caller.scope(), ids=[memory.id]))
    await tell(caller, "s1", SECOND, "I live in Paris.")
    assert await caller.memories() == []


SESSIONS = (
    ("2024-01-10", "I live in Paris.", "I have a dog.", "I work at Google.", "I play the cello."),
    ("2024-02-10", "I live in Berlin now.", "I play the cello.", "I am married to Tom."),
    (
        "2024-03-10",
        "I work at Apple now.",
        "I am divorced.",
        "I am allergic to nuts.",
        "I live in Rome.",
    ),
)


async def test_what_is_current_depends_neither_on_the_cuts_nor_on_the_order_of_sessions(
    services: Services, caller: Caller, directory: Path
) -> None:
    for number, (day, *texts) in enumerate(SESSIONS):
        await tell(caller, f"s{number}", day, *texts)
    expected = {(m.text, m.slot, m.last_mention_time.seconds) for m in await caller.memories()}
    assert len(expected) == 6
    async with (
        EmbeddedRedis(directory / "redis") as redis,
        serving(
            memory_in(
                directory,
                redis_url=redis.url,
                extractor=services.extractor.address,
                settings={**SMALL_DELTAS, "MEMORY_EXTRACTION": "false"},
            )
        ) as memory,
        connected(memory.address) as stub,
    ):
        for order in ((2, 1, 0), (1, 2, 0), (0, 2, 1)):
            other = Caller(stub, user=f"{caller.user} {order}")
            for number in order:
                day, *texts = SESSIONS[number]
                await tell(other, f"s{number}", day, *texts)
            found = {(m.text, m.slot, m.last_mention_time.seconds) for m in await other.memories()}
            assert found == expected


def messages_of(number: int) -> list[Message]:
    day, *texts = SESSIONS[number]
    return [
        Message(n, f"m{n}", Role.USER, "Alice", text, at(day).ToMicroseconds())
        for n, text in enumerate(texts, 1)
    ]


async def extracted(extractor: RemoteExtractor, number: int, size: int) -> list[NewMemory]:
    """What is found in a session, cut into deltas of this size."""
    ref = SessionRef(Owner.user("t", "n", "u"), f"s{number}")
    context = (await extractor.limits()).context
    messages = messages_of(number)
    found = []
    for start in range(0, len(messages), size):
        before = messages[max(0, start - context) : start]
        found += await extractor.extract(ref, before, messages[start : start + size], DISCRETE)
    return found


async def test_what_is_extracted_is_the_same_to_the_byte_however_it_is_cut(
    services: Services,
) -> None:
    path = Path(services.extractor.address.removeprefix("unix:"))
    async with stub_of(path) as stub:
        stream = ExtractStream(stub, timeout=60)
        try:
            extractor = RemoteExtractor(stream, any_model, dimension=384)
            whole = [await extracted(extractor, number, 32) for number in (0, 1, 2)]
            cut = [await extracted(extractor, number, 1) for number in (2, 1, 0)]
        finally:
            await stream.close()
    assert cut[::-1] == whole
    facts = [memory for session in whole for memory in session]
    assert len({memory.id for memory in facts}) == len(facts) == 11
    assert all(memory.vector for memory in facts)
