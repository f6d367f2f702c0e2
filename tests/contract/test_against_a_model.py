"""Random operations, played against the running service and against a simple model of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import hypothesis.strategies as st
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from examples.stack import Stack
from service_kit.errors import read_error
from tests.contract.model import Fact, ModelOwner, ModelSession, Refused, merged

OWNERS = ("alice", "bob")
IDS = ("m1", "m2", "m3", "m4")
TEXTS = ("Plays chess.", "plays CHESS", "Keeps bees.", "Reads Proust!", "Likes tea.")
TOPICS = ("food", "Füße, 50%", "")
SAID = ("ok", "thanks", "see you")
MESSAGE_IDS = ("", "", "a", "b", "c")
DATA = st.recursive(
    st.none() | st.sampled_from(["x", "y", 1.0, True]),
    lambda inner: st.dictionaries(st.sampled_from("pqr"), inner, max_size=3),
    max_leaves=4,
)
OBJECTS = st.dictionaries(st.sampled_from("pqr"), DATA, max_size=3)
MODES = {
    pb.PATCH_MODE_REPLACE: lambda data, patch: patch,
    pb.PATCH_MODE_MERGE: lambda data, patch: merged(data, patch, deep=False),
    pb.PATCH_MODE_DEEP_MERGE: lambda data, patch: merged(data, patch, deep=True),
}

facts = st.builds(
    Fact,
    text=st.sampled_from(TEXTS),
    topics=st.sampled_from(TOPICS).map(lambda topic: (topic,) if topic else ()),
    pinned=st.booleans(),
    metadata=st.sampled_from([(), (("plan", "gold"),)]),
    supersedes=st.lists(st.sampled_from(IDS), max_size=2, unique=True).map(tuple),
)


class Play(RuleBasedStateMachine):
    """Does everything twice, and compares."""

    def __init__(self, stub: Any, namespace: str) -> None:
        super().__init__()
        self.stub = stub
        self.namespace = namespace
        self.owners = {name: ModelOwner() for name in OWNERS}
        self.sessions: dict[tuple[str, str], ModelSession] = {}
        self.revisions = dict.fromkeys(OWNERS, 0)
        self.requests = 0

    def scope(self, user: str, session: str = "") -> memory_pb2.Scope:
        return memory_pb2.Scope(namespace=self.namespace, user_id=user, session_id=session)

    def both(self, real: Callable[[], Any], model: Callable[[], Any]) -> tuple[Any, Any]:
        """Return what both say; they refuse alike."""
        expected = refused = None
        try:
            expected = model()
        except Refused as error:
            refused = str(error)
        answer, reason = outcome(real)
        assert reason == refused
        return answer, expected

    def once(self, call: Callable[[Any], Any], request: Any) -> Callable[[], Any]:
        """A call that is made twice with one request_id: the second answer is the first."""
        self.requests += 1
        request.request_id = f"r{self.requests}"

        def real() -> Any:
            first = call(request)
            assert call(request) == first
            return first

        return real

    @rule(user=st.sampled_from(OWNERS), id_=st.sampled_from(IDS), fact=facts)
    def create(self, user: str, id_: str, fact: Fact) -> None:
        request = pb.CreateMemoriesRequest(scope=self.scope(user), memories=[to_proto(id_, fact)])
        answer, expected = self.both(
            self.once(self.stub.CreateMemories, request),
            lambda: self.owners[user].create(id_, fact),
        )
        (result,) = answer.results
        outcome = pb.CreateOutcome.Name(result.outcome).removeprefix("CREATE_OUTCOME_")
        assert (outcome, result.memory.id or None) == expected

    @rule(
        user=st.sampled_from(OWNERS),
        id_=st.sampled_from(IDS),
        fact=facts,
        mask=st.sets(st.sampled_from(["text", "topics", "pinned", "metadata"]), min_size=1),
    )
    def update(self, user: str, id_: str, fact: Fact, mask: set[str]) -> None:
        request = pb.UpdateMemoryRequest(scope=self.scope(user), memory=to_proto(id_, fact))
        request.update_mask.paths.extend(sorted(mask))
        values = {name: getattr(fact, name) for name in mask}
        answer, expected = self.both(
            self.once(self.stub.UpdateMemory, request),
            lambda: self.owners[user].update(id_, **values),
        )
        assert answer is None or from_proto(answer.memory) == expected

    @rule(user=st.sampled_from(OWNERS), ids=st.lists(st.sampled_from(IDS), min_size=1, max_size=3))
    def delete(self, user: str, ids: list[str]) -> None:
        request = pb.DeleteMemoriesRequest(scope=self.scope(user), ids=ids)
        answer, expected = self.both(
            self.once(self.stub.DeleteMemories, request), lambda: self.owners[user].delete(ids)
        )
        assert answer.deleted_count == expected

    @rule(user=st.sampled_from(OWNERS), topic=st.sampled_from([t for t in TOPICS if t]))
    def delete_by_filter(self, user: str, topic: str) -> None:
        owner = self.owners[user]
        ids = [id_ for id_, fact in owner.facts.items() if topic in fact.topics]
        request = pb.DeleteMemoriesRequest(scope=self.scope(user), filter=about(topic))
        answer, expected = self.both(
            self.once(self.stub.DeleteMemories, request), lambda: owner.delete(ids)
        )
        assert answer.deleted_count == expected

    @rule(user=st.sampled_from(OWNERS), id_=st.sampled_from(IDS))
    def restore(self, user: str, id_: str) -> None:
        request = pb.RestoreMemoryRequest(scope=self.scope(user), id=id_)
        answer, expected = self.both(
            self.once(self.stub.RestoreMemory, request), lambda: self.owners[user].restore(id_)
        )
        assert answer is None or from_proto(answer.memory) == expected

    @rule(
        user=st.sampled_from(OWNERS),
        session=st.sampled_from(["s1", "s2"]),
        new=st.lists(
            st.tuples(st.sampled_from(MESSAGE_IDS), st.sampled_from(SAID)), min_size=1, max_size=3
        ),
    )
    def append(self, user: str, session: str, new: list[tuple[str, str]]) -> None:
        request = pb.AppendMessagesRequest(
            scope=self.scope(user, session), messages=[said(*each) for each in new]
        )

        def model() -> None:
            after = self.sessions.get((user, session), ModelSession())
            after.append(new)
            self.sessions[user, session] = after

        self.both(self.once(self.stub.AppendMessages, request), model)

    @rule(
        user=st.sampled_from(OWNERS),
        session=st.sampled_from(["s1", "s2"]),
        said_before=st.lists(st.sampled_from(SAID), max_size=2),
        data=OBJECTS,
    )
    def put(self, user: str, session: str, said_before: list[str], data: dict[str, Any]) -> None:
        request = pb.PutWorkingMemoryRequest(
            session=memory_pb2.Session(scope=self.scope(user, session), data=struct(data)),
            messages=[said("", text) for text in said_before],
        )

        def model() -> None:
            after = ModelSession(data=data)
            after.append([("", text) for text in said_before])
            self.sessions[user, session] = after

        self.both(self.once(self.stub.PutWorkingMemory, request), model)

    @rule(
        user=st.sampled_from(OWNERS),
        session=st.sampled_from(["s1", "s2"]),
        patch=OBJECTS,
        mode=st.sampled_from(sorted(MODES)),
    )
    def patch(
        self, user: str, session: str, patch: dict[str, Any], mode: pb.PatchMode.ValueType
    ) -> None:
        request = pb.PatchWorkingMemoryDataRequest(
            scope=self.scope(user, session), data=struct(patch), mode=mode
        )

        def model() -> None:
            if (user, session) not in self.sessions:
                raise Refused("SESSION_NOT_FOUND")
            before = self.sessions[user, session]
            before.data = MODES[mode](before.data, patch)

        self.both(self.once(self.stub.PatchWorkingMemoryData, request), model)

    @rule(user=st.sampled_from(OWNERS), session=st.sampled_from(["s1", "s2"]))
    def delete_session(self, user: str, session: str) -> None:
        request = pb.DeleteWorkingMemoryRequest(scope=self.scope(user, session))

        def model() -> int:
            if (user, session) not in self.sessions:
                raise Refused("SESSION_NOT_FOUND")
            return len(self.sessions.pop((user, session)).messages)

        answer, expected = self.both(self.once(self.stub.DeleteWorkingMemory, request), model)
        assert answer is None or answer.deleted_messages == expected

    @rule(user=st.sampled_from(OWNERS))
    def erase(self, user: str) -> None:
        self.stub.EraseUser(pb.EraseUserRequest(scope=self.scope(user)))
        self.owners[user] = ModelOwner()
        self.sessions = {key: each for key, each in self.sessions.items() if key[0] != user}

    @invariant()
    def memories_are_the_same(self) -> None:
        for user, owner in self.owners.items():
            for everything, expected in ((True, owner.facts), (False, owner.current())):
                request = pb.ListMemoriesRequest(
                    scope=self.scope(user), page_size=2, include_superseded=everything
                )
                listed = pages(self.stub.ListMemories, request)
                assert {m.id: from_proto(m) for m in listed} == expected
                assert len(listed) == len(expected)

    @invariant()
    def sessions_are_the_same(self) -> None:
        for user in OWNERS:
            listed = self.stub.ListSessions(pb.ListSessionsRequest(scope=self.scope(user)))
            names = {session.scope.session_id for session in listed.sessions}
            assert names == {name for owner, name in self.sessions if owner == user}
        for (user, name), session in self.sessions.items():
            found = self.stub.GetWorkingMemory(
                pb.GetWorkingMemoryRequest(scope=self.scope(user, name), recent_messages=1000)
            )
            assert [(m.id, m.content) for m in found.messages] == session.messages
            assert json_format.MessageToDict(found.session.data) == session.data

    @invariant()
    def revisions_only_grow(self) -> None:
        for user in OWNERS:
            request = pb.SearchMemoriesRequest(
                scope=self.scope(user),
                query="chess",
                options=memory_pb2.SearchOptions(mode=memory_pb2.SEARCH_MODE_KEYWORD),
            )
            found = self.stub.SearchMemories(request)
            assert found.revision >= self.revisions[user]
            self.revisions[user] = found.revision
            says_so = {i for i, f in self.owners[user].current().items() if "chess" in f.says}
            assert {hit.memory.id for hit in found.hits} == says_so


def outcome(real: Callable[[], Any]) -> tuple[Any, str | None]:
    """What a call answers, or the reason for which it is refused."""
    try:
        return real(), None
    except grpc.RpcError as error:
        return None, read_error(error).reason


def to_proto(id_: str, fact: Fact) -> memory_pb2.Memory:
    return memory_pb2.Memory(
        id=id_,
        text=fact.text,
        topics=fact.topics,
        pinned=fact.pinned,
        metadata=struct(dict(fact.metadata)) if fact.metadata else None,
        supersedes=fact.supersedes,
    )


def from_proto(memory: memory_pb2.Memory) -> Fact:
    return Fact(
        text=memory.text,
        topics=tuple(memory.topics),
        pinned=memory.pinned,
        metadata=tuple(json_format.MessageToDict(memory.metadata).items()),
        supersedes=tuple(memory.supersedes),
        superseded_by=memory.superseded_by,
    )


def struct(value: dict[str, Any]) -> Struct:
    return json_format.ParseDict(value, Struct())


def said(id_: str, text: str) -> memory_pb2.Message:
    # Only a person's words are extracted from.
    return memory_pb2.Message(id=id_, role=memory_pb2.ROLE_ASSISTANT, content=text)


def about(topic: str) -> memory_pb2.Filter:
    tag = memory_pb2.TagCondition(field=memory_pb2.TAG_FIELD_TOPIC, equals=topic)
    return memory_pb2.Filter(must=[memory_pb2.Condition(tag=tag)])


def pages(list_: Callable[[Any], Any], request: pb.ListMemoriesRequest) -> list[memory_pb2.Memory]:
    found: list[memory_pb2.Memory] = []
    while True:
        page = list_(request)
        found += page.memories
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


def test_random_operations_leave_the_service_as_they_leave_the_model(stack: Stack) -> None:
    runs = 0
    with grpc.insecure_channel(stack.addresses.memory) as channel:
        stub = MemoryServiceStub(channel)

        def play() -> Play:
            nonlocal runs
            runs += 1
            return Play(stub, f"model {runs}")

        run_state_machine_as_test(
            play,
            settings=settings(
                max_examples=30,
                stateful_step_count=25,
                deadline=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
                # Shrinking plays the failure hundreds of times, for minutes.
                phases=[Phase.generate],
            ),
        )
