"""Callers who go on whatever happens: writers, readers and watchers, and what each was promised."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import grpc
import grpc.aio
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb

from tests.chaos.record import Record
from tests.support.client import KEYWORD, Caller, Stub
from tests.support.conversations import conversation

SESSION = "chat"
ALL_TYPES = (
    memory_pb2.MEMORY_TYPE_SEMANTIC,
    memory_pb2.MEMORY_TYPE_EPISODIC,
    memory_pb2.MEMORY_TYPE_MESSAGE,
)
EXPECTED = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED", "CANCELLED", "RESOURCE_EXHAUSTED"}
"""What a caller may be told while things fail: each of them says, try again."""

_CALL_SECONDS = 4.0
_BATCH = 2.5
"""Messages in an append, on average."""

_FIRST = datetime(2025, 3, 3, 9, 30, tzinfo=UTC)

_Answer = TypeVar("_Answer")


def turn_of(message: memory_pb2.Message) -> int:
    """Return which turn of the conversation it is: a turn an hour."""
    hours = (message.create_time.ToDatetime(tzinfo=UTC) - _FIRST) / timedelta(hours=1)
    return round(hours)


@dataclass(frozen=True)
class Surroundings:
    """What all callers share."""

    stubs: Sequence[Stub]
    record: Record
    stopping: asyncio.Event
    pause: float
    """Seconds between two calls of a caller, on average."""
    seconds: float
    """How long the run is to be: talkers have something to say all the while."""


@dataclass
class Worker:
    """One caller: an owner's, with a chance of its own."""

    around: Surroundings
    user: str
    seed: int

    def __post_init__(self) -> None:
        self.chance = random.Random(f"{self.seed} {self.user} {type(self).__name__}")

    @property
    def through_any(self) -> Caller:
        """The owner, at one of the instances."""
        return Caller(self.chance.choice(self.around.stubs), user=self.user, namespace="chaos")

    async def run(self) -> None:
        """Go on until told to stop."""
        while not self.around.stopping.is_set():
            await self.step()
            await asyncio.sleep(self.chance.uniform(0, 2 * self.pause))

    @property
    def pause(self) -> float:
        """Seconds between two steps, on average."""
        return self.around.pause

    async def step(self) -> None:
        raise NotImplementedError

    async def attempt(self, name: str, call: Awaitable[_Answer]) -> _Answer | None:
        """Return the answer, None if the call failed as it may."""
        try:
            # Impatient now and then: the call may be done all the same.
            async with asyncio.timeout(self.chance.uniform(0.3, _CALL_SECONDS)):
                answer = await call
        except TimeoutError:
            self.around.record.ended(name, "DEADLINE_EXCEEDED")
            return None
        except grpc.aio.AioRpcError as error:
            self.around.record.ended(name, error.code().name)
            if error.code().name not in EXPECTED:
                told = f"{error.code().name} {error.details()}"
                self.around.record.breaks(f"{name} of {self.user}: {told}")
            return None
        self.around.record.ended(name, "OK")
        return answer


@dataclass
class Talker(Worker):
    """Appends a conversation, batch by batch.

    A steady one bears a request_id and sends each batch until it is acknowledged; a careless one
    sends it once.
    """

    steady: bool = True
    turns: int = 10_000
    acknowledged: list[int] = field(default_factory=list)
    sent: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._conversation = conversation(self.turns)
        for message in self._conversation:
            message.ClearField("id")

    @property
    def pause(self) -> float:
        return self.around.seconds * _BATCH / self.turns

    async def step(self) -> None:
        if self.sent >= self.turns:
            return
        batch = self._conversation[self.sent :][: self.chance.randint(1, 4)]
        request_id = f"append {self.sent}" if self.steady else ""
        while True:
            answer = await self.attempt(
                "append", self.through_any.append(SESSION, batch, request_id=request_id)
            )
            if answer is not None:
                self.acknowledged += range(self.sent, self.sent + len(batch))
            if answer is not None or not self.steady:
                break
            await asyncio.sleep(0.05)
        self.sent += len(batch)


@dataclass
class Keeper(Worker):
    """Creates memories, each of another text; steady or careless, as a Talker is."""

    steady: bool = True
    acknowledged: dict[str, str] = field(default_factory=dict)
    """Text of each memory whose making was acknowledged -> its id."""
    tried: int = 0

    async def step(self) -> None:
        text = f"{self.user} owns book number {self.tried}."
        request_id = f"create {self.tried}" if self.steady else ""
        self.tried += 1
        while True:
            answer = await self.attempt("create", self._create(text, request_id))
            if answer is not None:
                self.acknowledged[text] = answer.results[0].memory.id
            if answer is not None or not self.steady:
                break
            await asyncio.sleep(0.05)

    async def _create(self, text: str, request_id: str) -> pb.CreateMemoriesResponse:
        return await self.through_any.create(text, request_id=request_id)


@dataclass
class Reader(Worker):
    """Reads what was acknowledged to others; what is not there, or not all, is a broken promise."""

    talker: Talker | None = None
    keeper: Keeper | None = None

    async def step(self) -> None:
        reads = [self._log] if self.talker else []
        if self.keeper and self.keeper.acknowledged:
            reads += [self._get, self._list, self._search]
        if reads:
            await self.chance.choice(reads)()

    async def _log(self) -> None:
        assert self.talker is not None
        acknowledged = list(self.talker.acknowledged)
        if not acknowledged:
            return
        answer = await self.attempt("read", self.through_any.working_memory(SESSION, recent=20))
        if answer is not None and answer.session.message_count < len(acknowledged):
            self.around.record.breaks(f"{self.user}'s session lacks acknowledged messages")

    async def _get(self) -> None:
        assert self.keeper is not None
        text, id_ = self.chance.choice([*self.keeper.acknowledged.items()])
        caller = self.through_any
        request = pb.GetMemoryRequest(scope=caller.scope(), id=id_)
        answer = await self.attempt("get", _get(caller.stub, request))
        if answer is not None and answer.memory.text != text:
            self.around.record.breaks(f"memory {id_} of {self.user} says something else")

    async def _list(self) -> None:
        assert self.keeper is not None
        expected = len(self.keeper.acknowledged)
        caller = self.through_any
        request = pb.ListMemoriesRequest(scope=caller.scope(), page_size=10)
        answer = await self.attempt("list", _list(caller.stub, request))
        if answer is not None and answer.total_size < expected:
            self.around.record.breaks(
                f"a list of {self.user}'s memories has {answer.total_size} of {expected}"
            )

    async def _search(self) -> None:
        assert self.keeper is not None
        text, id_ = self.chance.choice([*self.keeper.acknowledged.items()])
        number = text.rstrip(".").rpartition(" ")[2]
        found = await self.attempt("search", self.through_any.search(number, mode=KEYWORD))
        if found is not None and id_ not in {hit.memory.id for hit in found.hits}:
            self.around.record.breaks(f"a search of {self.user}'s memories misses {id_}")


async def _get(stub: Stub, request: pb.GetMemoryRequest) -> pb.GetMemoryResponse:
    return await stub.GetMemory(request, timeout=_CALL_SECONDS)


async def _list(stub: Stub, request: pb.ListMemoriesRequest) -> pb.ListMemoriesResponse:
    return await stub.ListMemories(request, timeout=_CALL_SECONDS)


@dataclass
class Watcher(Worker):
    """Follows an owner's changes from the first on, and takes up where a watch has ended."""

    told: list[tuple[int, str]] = field(default_factory=list)
    """Revision and memory id of each change, as they came."""
    position: int = 0

    async def step(self) -> None:
        # A held line says nothing at all: the caller gives it up now and then.
        watch = self._watch(self.through_any, seconds=self.chance.uniform(1, 8))
        try:
            async for response in watch:
                self.note(response)
        except grpc.aio.AioRpcError as error:
            self.around.record.ended("watch", error.code().name)
            if error.code().name not in EXPECTED:
                told = f"{error.code().name} {error.details()}"
                self.around.record.breaks(f"watch of {self.user}: {told}")
        else:
            self.around.record.ended("watch", "OK")

    async def catch_up(self, caller: Caller) -> None:
        """Watch up to the owner's last change."""
        listed = await caller.stub.SearchMemories(
            pb.SearchMemoriesRequest(
                scope=caller.scope(), query="x", options=memory_pb2.SearchOptions(mode=KEYWORD)
            ),
            timeout=_CALL_SECONDS,
        )
        watch = self._watch(caller, seconds=60)
        while self.position < listed.revision:
            self.note(await watch.read())
        watch.cancel()

    def _watch(self, caller: Caller, *, seconds: float) -> Any:
        request = pb.WatchMemoriesRequest(
            scope=caller.scope(), after_revision=self.position, types=ALL_TYPES
        )
        return caller.stub.WatchMemories(request, timeout=seconds)

    def note(self, response: pb.WatchMemoriesResponse) -> None:
        """Take note of a response, which goes on from the one before."""
        if response.revision < self.position:
            self.around.record.breaks(f"a watch of {self.user} went back to {response.revision}")
        if response.HasField("change"):
            if response.revision == self.position:
                self.around.record.breaks(f"a watch of {self.user} repeated {response.revision}")
            self.told.append((response.revision, response.change.memory_id))
            self.around.record.ended("change", "OK")
        self.position = max(self.position, response.revision)


def crew(around: Surroundings, seed: int, *, turns: int) -> list[Worker]:
    """Return all callers of a run: half of the writers steady, each owner with readers."""
    talkers = [
        Talker(around, f"talker {n}", seed, steady=n % 2 == 0, turns=turns) for n in range(4)
    ]
    keepers = [Keeper(around, f"keeper {n}", seed, steady=n % 2 == 0) for n in range(4)]
    readers = [
        *(Reader(around, each.user, seed, talker=each) for each in talkers[:2]),
        *(Reader(around, each.user, seed, keeper=each) for each in keepers),
    ]
    watchers = [Watcher(around, each.user, seed) for each in (*talkers[:2], *keepers[:2])]
    return [*talkers, *keepers, *readers, *watchers]
