"""What is extracted meets what is known, in the real store; what is what is in a table."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import pytest
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from memory_service.domain.deleting import delete
from memory_service.domain.errors import ExtractorUnavailable
from memory_service.domain.known_entities import KnownEntity
from memory_service.domain.memory import Memory, MemoryType, NewMemory
from memory_service.domain.owner import SessionRef
from memory_service.domain.session import Message, NewMessage, Role
from memory_service.domain.session_options import DISCRETE, Strategy
from memory_service.domain.verdicts import ADD, Judgement, Question, Verdict
from memory_service.reconciling import Reconciling
from memory_service.store.search import MemorySearch
from tests.support.extraction import CHAT, NOW, FakeExtractor, World, dump, fact_of, new_world
from tests.support.memories import ALICE, BOB, at_angle
from tests.support.reconciling import FakeReconciler

OTHER = SessionRef(ALICE, "other")
HOME = "alice|home"
TEA, GREEN, COFFEE = "Alice likes tea.", "Alice likes green tea.", "Alice likes coffee."
FOND = "Alice is fond of tea."
PARIS, BERLIN, ROME = (f"Alice lives in {place}." for place in ("Paris", "Berlin", "Rome"))
DUPLICATE, UPDATE = Judgement.DUPLICATE, Judgement.UPDATE
SUPERSEDE, CONTRADICT = Judgement.SUPERSEDE, Judgement.CONTRADICT


class Extractor(FakeExtractor):
    """Gives the facts vectors and slots by their texts."""

    def __init__(self, angles: Mapping[str, float], slots: Mapping[str, str]) -> None:
        super().__init__()
        self._angles = angles
        self._slots = slots

    async def extract(
        self,
        ref: SessionRef,
        context: Sequence[Message],
        new: Sequence[Message],
        strategy: Strategy = DISCRETE,
        known: Sequence[KnownEntity] = (),
    ) -> list[NewMemory]:
        await super().extract(ref, context, new, strategy)
        return [
            replace(
                fact_of(ref, message),
                vector=at_angle(self._angles.get(message.content, 90)),
                slot=self._slots.get(message.content, ""),
                mentioned=message.created,
            )
            for message in new
        ]


ANGLES = {TEA: 0, FOND: 5, GREEN: 10, COFFEE: 70, PARIS: 150, BERLIN: 160, ROME: 170}
SLOTS = {PARIS: HOME, BERLIN: HOME, ROME: HOME}


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis, Extractor(ANGLES, SLOTS))


async def say(world: World, *texts: str, ref: SessionRef = CHAT, at: int = 0) -> None:
    new = [NewMessage("", Role.USER, "Alice", text, at) for text in texts]
    await world.sessions.append(ref, new, now=world.clock.now())


async def learn(world: World, *texts: str, ref: SessionRef = CHAT, at: int = 0, size: int = 32):
    await say(world, *texts, ref=ref, at=at)
    extraction = world.extraction(delta_messages=size)
    while (progress := await extraction.step(ref)) and progress.committed:
        pass


async def current(world: World) -> dict[str, Memory]:
    return {memory.text: memory for memory in await world.stored() if memory.current}


async def test_only_the_owners_own_current_facts_that_are_near_or_of_the_slot_are_asked_about(
    world: World,
):
    await learn(world, TEA, ref=SessionRef(BOB, "chat"))
    await learn(world, TEA, COFFEE, PARIS)
    await learn(world, FOND, ROME)
    assert world.reconciler.neighbors() == [(FOND, [TEA]), (ROME, [PARIS])]
    (tea,) = world.reconciler.asked[0][0].neighbors
    assert tea.similarity == pytest.approx(0.996, abs=0.001)


async def test_a_paraphrase_adds_only_its_source(world: World):
    world.reconciler.table = {(FOND, TEA): DUPLICATE}
    await learn(world, TEA)
    await learn(world, FOND, ref=OTHER)
    (memory,) = await world.stored()
    assert memory.text == TEA
    assert [source.session_id for source in memory.sources] == ["chat", "other"]


async def test_a_fuller_fact_is_found_by_its_own_vector_and_the_shorter_is_history(world: World):
    world.reconciler.table = {(GREEN, TEA): UPDATE}
    await learn(world, TEA)
    before = await current(world)
    await learn(world, GREEN)
    (memory,) = await world.stored()
    assert (memory.id, memory.text, memory.embedded) == (before[TEA].id, GREEN, True)
    search = MemorySearch(world.redis)
    _, ((found,),) = await search.near(ALICE, slots=[], vectors=[at_angle(10)], k=1)
    assert found.raw == pytest.approx(1.0)


async def test_a_change_of_mind_leaves_only_the_new_one_current(world: World):
    world.reconciler.table = {(BERLIN, PARIS): SUPERSEDE}
    await learn(world, PARIS, at=NOW - 9)
    await learn(world, BERLIN, at=NOW - 5)
    assert list(await current(world)) == [BERLIN]
    (old, new) = await world.stored()
    assert (old.superseded_by, old.supersede_reason) == (new.id, "told so")
    assert (old.valid_to, new.valid_from) == (NOW - 5, NOW - 5)
    assert old.superseded == old.updated
    of_slot, _ = await MemorySearch(world.redis).near(ALICE, slots=[HOME], vectors=[], k=1)
    assert of_slot == [new, old]


async def test_within_one_delta_later_facts_meet_earlier_ones(world: World):
    world.reconciler.table = {
        (FOND, TEA): DUPLICATE,
        (BERLIN, PARIS): SUPERSEDE,
        (ROME, BERLIN): SUPERSEDE,
    }
    await learn(world, TEA, PARIS, BERLIN, FOND, ROME, COFFEE)
    assert set(await current(world)) == {TEA, ROME, COFFEE}
    by = {memory.text: memory.superseded_by for memory in await world.stored()}
    ids = {memory.text: memory.id for memory in await world.stored()}
    assert (by[PARIS], by[BERLIN]) == (ids[BERLIN], ids[ROME])
    # Rome was asked about once more when Paris was no longer what it had been asked about.
    rounds = [[question.new.text for question in asked] for asked in world.reconciler.asked]
    assert rounds == [[BERLIN, FOND, ROME], [ROME]]


async def test_one_that_is_a_duplicate_of_one_that_is_a_duplicate_ends_with_the_first(
    world: World,
):
    world.reconciler.table = {(FOND, TEA): DUPLICATE, (GREEN, FOND): DUPLICATE}
    await learn(world, TEA)
    await learn(world, FOND, GREEN)
    # There is no fact any more that the last is told to be the same as.
    assert set(await current(world)) == {TEA, GREEN}
    assert world.reconciler.neighbors()[-1] == (GREEN, [TEA])


async def test_what_says_otherwise_without_an_order_stays_and_says_so(world: World):
    world.reconciler.table = {(BERLIN, PARIS): CONTRADICT}
    await learn(world, PARIS)
    await learn(world, BERLIN)
    found = await current(world)
    assert found[PARIS].contradicts == (found[BERLIN].id,)
    assert found[BERLIN].contradicts == (found[PARIS].id,)


async def test_the_same_words_need_no_judge(world: World):
    await learn(world, TEA)
    await learn(world, TEA, ref=OTHER)
    assert world.reconciler.asked == []
    (memory,) = await world.stored()
    assert len(memory.sources) == 2


async def test_facts_without_a_vector_meet_the_same_words_and_those_of_their_slot(world: World):
    class Blind(Extractor):
        async def extract(self, *args, **options):
            return [replace(fact, vector=None) for fact in await super().extract(*args, **options)]

    world = replace(world, extractor=Blind(ANGLES, SLOTS))
    world.reconciler.table = {(BERLIN, PARIS): SUPERSEDE}
    await learn(world, TEA, PARIS)
    await learn(world, FOND, BERLIN, TEA)
    assert set(await current(world)) == {TEA, FOND, BERLIN}
    assert world.reconciler.neighbors() == [(BERLIN, [PARIS])]


async def test_while_nobody_can_judge_nothing_is_written(world: World):
    await learn(world, TEA)
    await say(world, FOND)
    world.reconciler.down = True
    before = await dump(world.redis)
    with pytest.raises(ExtractorUnavailable):
        await world.extraction().step(CHAT)
    assert await dump(world.redis) == before
    world.reconciler.down = False
    await world.extraction().step(CHAT)
    assert await world.texts() == [TEA, FOND]


async def test_a_deleted_fact_stays_deleted_in_the_same_words(world: World):
    world.reconciler.table = {(FOND, TEA): DUPLICATE}
    await learn(world, TEA)
    known = await world.memories.known(ALICE, [], [(await world.stored())[0].id])
    plan = delete(list(known.by_id.values()), known.state, NOW)
    await world.memories.commit(ALICE, plan, base=known.state)
    await learn(world, TEA, ref=OTHER)
    assert await world.texts() == []
    assert world.reconciler.asked == []


async def test_what_a_caller_puts_into_the_session_is_known_to_what_is_found_in_it(world: World):
    world.reconciler.table = {(FOND, TEA): UPDATE}
    world.embedding.table = {TEA: at_angle(0)}
    given = NewMemory("mine", TEA, MemoryType.SEMANTIC)
    await world.sessions.append(CHAT, [], memories=[given], now=NOW)
    await learn(world, FOND)
    (memory,) = await world.stored()
    assert (memory.id, memory.text) == ("mine", TEA)
    assert [bool(source.message_id) for source in memory.sources] == [False, True]


async def test_two_sessions_that_learn_the_same_in_other_words_at_once_learn_it_once(world: World):
    """Both have searched and asked before either writes: the fence makes the second ask again."""
    world.reconciler.table = {(FOND, TEA): DUPLICATE, (TEA, FOND): DUPLICATE}
    await learn(world, COFFEE, GREEN)
    await say(world, TEA)
    await say(world, FOND, ref=OTHER)
    both_asked = asyncio.Event()

    async def until_both_have_asked() -> None:
        if len(world.reconciler.asked) >= 2:
            both_asked.set()
        await both_asked.wait()

    world.reconciler.before = until_both_have_asked
    await asyncio.gather(world.extraction().step(CHAT), world.extraction().step(OTHER))
    alike = [memory for memory in await world.stored() if memory.text in (TEA, FOND)]
    assert len(alike) == 1
    assert {source.session_id for source in alike[0].sources} == {"chat", "other"}
    assert len(world.reconciler.asked) == 3


async def test_what_changes_while_the_judge_thinks_is_asked_about_again(world: World):
    world.reconciler.table = {(BERLIN, PARIS): SUPERSEDE, (BERLIN, ROME): SUPERSEDE}
    await learn(world, PARIS)
    await say(world, BERLIN)
    meanwhile = Reconciling(
        world.memories, MemorySearch(world.redis), FakeReconciler(), world.clock
    )

    async def write_another() -> None:
        world.reconciler.before = None
        rome = NewMemory("rome", ROME, MemoryType.SEMANTIC, slot=HOME)
        plan, base = await meanwhile.plan_given(ALICE, [rome])
        await world.memories.commit(ALICE, plan, base=base)

    world.reconciler.before = write_another
    await world.extraction().step(CHAT)
    # Said before Rome took the place of Paris, it is compared with both for when it was so.
    assert world.reconciler.neighbors() == [
        (BERLIN, [PARIS]), (BERLIN, [ROME]), (BERLIN, [ROME]), (BERLIN, [PARIS]),
    ]  # fmt: skip
    assert list(await current(world)) == [BERLIN]


async def test_two_pumps_on_one_session_commit_each_fact_once(world: World):
    world.reconciler.table = {(FOND, TEA): DUPLICATE, (BERLIN, PARIS): SUPERSEDE}
    await say(world, TEA, FOND, PARIS, BERLIN)
    await asyncio.gather(*(world.extraction(delta_messages=n).step(CHAT) for n in (1, 2, 3, 4)))
    await learn(world, COFFEE)
    assert set(await current(world)) == {TEA, BERLIN, COFFEE}
    assert len(await world.stored()) == 4


@dataclass(frozen=True)
class Said:
    """What a session said, and when."""

    at: int
    texts: tuple[str, ...]


class ByTime(FakeReconciler):
    """Of one slot the later is newer; what is of none is the same if it is near enough."""

    def _verdict(self, question: Question) -> Verdict:
        new = question.new
        of_slot = [n.memory for n in question.neighbors if new.slot and n.memory.slot == new.slot]
        same = [m for m in of_slot if m.text == new.text]
        later = [m for m in of_slot if m.text != new.text and m.last_said > new.mentioned]
        if later:
            return Verdict(Judgement.SUPERSEDED, (later[0].id,), "older")
        if earlier := [m.id for m in of_slot if m.text != new.text]:
            return Verdict(SUPERSEDE, (*earlier, *(m.id for m in same)), "newer")
        alike = [n.memory for n in question.neighbors if (n.similarity or 0) > 0.98]
        fuller = [m for m in alike if len(m.text) >= len(new.text)]
        if alike and not new.slot:
            kind = DUPLICATE if fuller else UPDATE
            return Verdict(kind, ((fuller or alike)[0].id,))
        return ADD


SESSIONS = (
    Said(NOW - 50, (PARIS, TEA, GREEN)),
    Said(NOW - 40, (BERLIN, COFFEE)),
    Said(NOW - 30, (PARIS, FOND)),
    Said(NOW - 20, (ROME, TEA)),
)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("size", [1, 2, 32])
async def test_what_is_current_does_not_depend_on_cuts_and_order(
    redis: Redis, order: Sequence[int], size: int
):
    world = replace(await new_world(redis, Extractor(ANGLES, SLOTS)), reconciler=ByTime())
    for number in order:
        said = SESSIONS[number]
        ref = SessionRef(ALICE, f"session {number}")
        await learn(world, *said.texts, ref=ref, at=said.at, size=size)
    found = await current(world)
    assert set(found) == {PARIS, GREEN, COFFEE}
    assert found[PARIS].last_said == NOW - 30
    await learn(world, *SESSIONS[3].texts, ref=OTHER, at=SESSIONS[3].at, size=size)
    assert set(await current(world)) == {ROME, GREEN, COFFEE}


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_each_was_so_until_the_next_in_whichever_order_they_are_learned(
    redis: Redis, order: Sequence[int]
):
    world = replace(await new_world(redis, Extractor(ANGLES, SLOTS)), reconciler=ByTime())
    told = [(PARIS, NOW - 50), (BERLIN, NOW - 40), (ROME, NOW - 20)]
    for number in order:
        text, at = told[number]
        await learn(world, text, ref=SessionRef(ALICE, f"session {number}"), at=at)
    kept = {memory.text: memory for memory in await world.stored()}
    times = [(kept[text].valid_from, kept[text].valid_to) for text, _ in told]
    assert times == [(None, NOW - 40), (NOW - 40, NOW - 20), (NOW - 20, None)]
    ids = {memory.id: memory.text for memory in kept.values()}
    assert [ids.get(kept[text].superseded_by) for text, _ in told] == [BERLIN, ROME, None]
    assert [[ids[id_] for id_ in kept[text].supersedes] for text, _ in told] == [
        [], [PARIS], [BERLIN],
    ]  # fmt: skip


async def test_a_delta_is_reconciled_with_one_search_and_one_question(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    await learn(world, *(f"fact {n}" for n in range(40)))
    await learn(world, TEA, PARIS)
    world.reconciler.asked.clear()
    await say(world, FOND, GREEN, BERLIN, ROME, COFFEE)
    trips = _Trips(world.redis, monkeypatch)
    await world.extraction().step(CHAT)
    assert (trips.searches, len(world.reconciler.asked)) == ([7], 1)
    assert trips.total <= 8


class _Trips:
    """Counts what goes to Redis at once; of searches, how many of them."""

    def __init__(self, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
        self.total = 0
        self.searches: list[int] = []
        execute, command = Pipeline.execute, Redis.execute_command

        async def counted(pipe: Pipeline, *args: object, **options: object):
            self.total += 1
            names = [words[0][0] for words in pipe.command_stack]
            if "FT.SEARCH" in names:
                self.searches.append(names.count("FT.SEARCH"))
            return await execute(pipe, *args, **options)

        async def single(client: Redis, *args: object, **options: object):
            self.total += 1
            return await command(client, *args, **options)

        monkeypatch.setattr(Pipeline, "execute", counted)
        monkeypatch.setattr(Redis, "execute_command", single)


async def test_nothing_is_searched_for_callers_memories_without_a_slot(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    trips = _Trips(world.redis, monkeypatch)
    await world.reconciling.plan_given(ALICE, [NewMemory("", TEA, MemoryType.SEMANTIC)])
    assert trips.searches == []
    await world.reconciling.plan_given(
        ALICE, [NewMemory("", PARIS, MemoryType.SEMANTIC, slot=HOME)]
    )
    assert trips.searches == [2]


async def test_a_fact_keeps_when_it_was_said_first_and_last(world: World):
    for at in (NOW - 20, NOW - 30, NOW - 10):
        await learn(world, TEA, at=at)
    (memory,) = await world.stored()
    assert (memory.first_said, memory.last_said) == (NOW - 30, NOW - 10)
