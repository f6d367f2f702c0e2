"""Somebody who has one of everything, all of it marked."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any
from uuid import uuid4

from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from memory_service.domain.owner import Owner
from tests.security.callers import Callers

MARK = "Zanzibar"
TENANT, NAMESPACE = "acme", "support"
KEPT_AS_IT_IS = memory_pb2.SessionOptions(
    strategy=memory_pb2.ExtractionStrategy(kind=memory_pb2.EXTRACTION_KIND_NONE)
)
CURSOR_MESSAGES = 1100
"""So many that an export has a cursor."""


@dataclass(frozen=True)
class Names:
    """How a caller may name things. `revision` is that of the owner, as text."""

    session: str
    message: str
    memory: str
    superseded: str
    deleted: str
    request: str
    topic: str
    slot: str
    memories_token: str = ""
    sessions_token: str = ""
    history_token: str = ""
    cursor: str = ""
    memory_etag: str = ""
    session_etag: str = ""

    def as_replacements(self) -> dict[str, str]:
        """Return what may stand in an answer; etags are too short to be told from other things."""
        return {name: value for name, value in asdict(self).items() if "etag" not in name}


@dataclass(frozen=True)
class Victim:
    """The owner of what `names` names; `known` is a time when it was there."""

    user: str
    names: Names
    revision: int
    known: Timestamp

    @property
    def owner(self) -> Owner:
        return Owner.user(TENANT, NAMESPACE, self.user)

    def scope(self, session: str = "") -> memory_pb2.Scope:
        return memory_pb2.Scope(namespace=NAMESPACE, user_id=self.user, session_id=session)


def made_up() -> Names:
    """Return names that stand for nothing anywhere."""
    return Names(
        session=f"session {uuid4().hex[:12]}",
        message=f"message {uuid4().hex[:12]}",
        memory=uuid4().hex[:26],
        superseded=uuid4().hex[:26],
        deleted=uuid4().hex[:26],
        request=f"request {uuid4().hex[:12]}",
        topic=f"topic {uuid4().hex[:12]}",
        slot=f"slot {uuid4().hex[:12]}",
        memories_token="bm90aGluZyBhdCBhbGw=",
        sessions_token="bm90aGluZyBhdCBhbGw=",
        history_token="bm90aGluZyBhdCBhbGw=",
        cursor="bm90aGluZyBhdCBhbGw=",
        memory_etag="9999",
        session_etag="ff-ff",
    )


async def sow(callers: Callers, user: str, *, cursor: bool = False) -> Victim:
    """Give a user one of everything; a cursor only if asked for, because it takes long."""
    names, known = made_up(), Timestamp()
    scope = memory_pb2.Scope(namespace=NAMESPACE, user_id=user)
    in_session = memory_pb2.Scope(namespace=NAMESPACE, user_id=user, session_id=names.session)

    async def call(request: Any) -> Any:
        return (await callers.call(TENANT, request))[0]

    for session in (names.session, f"{names.session} 2"):
        in_session.session_id = session
        said = memory_pb2.Message(
            id=names.message, role=memory_pb2.ROLE_USER, content=f"I moved to {MARK} in March."
        )
        await call(pb.AppendMessagesRequest(scope=in_session, messages=[said]))
        await call(pb.FlushSessionRequest(scope=in_session))
    created = await call(pb.CreateMemoriesRequest(scope=scope, memories=_memories(names)))
    old, kept, gone, _ = (result.memory.id for result in created.results)
    mask = {"paths": ["topics"]}
    topics = memory_pb2.Memory(id=kept, topics=[names.topic, "twice changed"])
    await call(pb.UpdateMemoryRequest(scope=scope, memory=topics, update_mask=mask))
    topics.topics[:] = [names.topic]
    updated = await call(pb.UpdateMemoryRequest(scope=scope, memory=topics, update_mask=mask))
    deleted = await call(pb.DeleteMemoriesRequest(scope=scope, ids=[gone]))
    listed = await call(pb.ListMemoriesRequest(scope=scope, page_size=1))
    sessions = await call(pb.ListSessionsRequest(scope=scope, page_size=1))
    history = await call(pb.ListMemoryRevisionsRequest(scope=scope, id=kept, page_size=1))
    in_session.session_id = names.session
    read = await call(pb.GetWorkingMemoryRequest(scope=in_session))
    known.GetCurrentTime()
    given = asdict(names) | {
        "memory": kept,
        "superseded": old,
        "deleted": gone,
        "memories_token": listed.next_page_token,
        "sessions_token": sessions.next_page_token,
        "history_token": history.next_page_token,
        "cursor": await _cursor(callers, scope) if cursor else "",
        "memory_etag": updated.memory.etag,
        "session_etag": read.session.etag,
    }
    return Victim(user, Names(**given), deleted.revision, known)


def _memories(names: Names) -> list[memory_pb2.Memory]:
    told = ("lives", "keeps bees", "has a boat", "sings")
    return [
        memory_pb2.Memory(
            text=f"She {what} in {MARK}.",
            topics=[names.topic],
            slot=names.slot if what == "lives" else "",
            metadata={"place": MARK},
        )
        for what in told
    ]


async def _cursor(callers: Callers, scope: memory_pb2.Scope) -> str:
    many = memory_pb2.Scope(namespace=scope.namespace, user_id=scope.user_id, session_id="long")
    for start in range(0, CURSOR_MESSAGES, 256):
        said = [
            memory_pb2.Message(role=memory_pb2.ROLE_USER, content=f"{MARK} {start + i}")
            for i in range(256)
        ]
        await callers.call(
            TENANT, pb.AppendMessagesRequest(scope=many, messages=said, options=KEPT_AS_IT_IS)
        )
    first, *_ = await callers.call(TENANT, pb.ExportMemoriesRequest(scope=scope))
    assert first.cursor
    return str(first.cursor)
