"""Data that can be recognised wherever it turns up, and where it must not."""

from __future__ import annotations

from typing import Any

import grpc.aio
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct
from redis.asyncio import Redis

from tests.contract.snapshot import snapshot


class Marks:
    """One user's marked data. Letters and digits only: no encoding changes a mark."""

    def __init__(self, mark: str) -> None:
        self.mark = mark
        self._number = 0

    @property
    def text(self) -> str:
        """What the marks of texts, names and all else but ids begin with."""
        return f"{self.mark}text"

    @property
    def id(self) -> str:
        """What the marks of ids begin with."""
        return f"{self.mark}id"

    def say(self, what: str = "x") -> str:
        """Return a text that occurs once."""
        self._number += 1
        return f"{self.text}{what}{self._number}"

    @property
    def scope(self) -> memory_pb2.Scope:
        """The user."""
        return memory_pb2.Scope(namespace="privacy", user_id=f"{self.id}user")

    @property
    def session(self) -> memory_pb2.Scope:
        """The user's session."""
        scope = self.scope
        scope.session_id = f"{self.id}session"
        return scope

    def struct(self) -> Struct:
        """Data with marked names and values."""
        return json_format.ParseDict({self.say("key"): {"deep": [self.say("value"), 1]}}, Struct())

    def message(self, words: str = "I work as a {} in Berlin.") -> memory_pb2.Message:
        """Something that is said, all of it marked."""
        return memory_pb2.Message(
            role=memory_pb2.ROLE_USER,
            name=self.say("Name"),
            content=words.format(self.say("job")),
            metadata=self.struct(),
        )

    def memory(self) -> memory_pb2.Memory:
        """A memory with marks wherever a caller may write."""
        return memory_pb2.Memory(
            text=f"{self.say('who')} plays the {self.say('instrument')}.",
            topics=[self.say("topic")],
            entities=[memory_pb2.Entity(name=self.say("entity"), kind=self.say("kind"))],
            metadata=self.struct(),
            slot=self.say("slot"),
        )

    async def live(self, stub: Any) -> list[str]:
        """Use the service as an owner does; return the ids of the memories made."""
        session = memory_pb2.Session(
            scope=self.session, data=self.struct(), context=self.say("context")
        )
        await stub.PutWorkingMemory(pb.PutWorkingMemoryRequest(session=session))
        messages = [
            self.message(),
            self.message("I moved to {} in March 2024."),
            self.message("I am allergic to {}."),
        ]
        await stub.AppendMessages(
            pb.AppendMessagesRequest(
                scope=self.session, messages=messages, request_id=f"{self.id}request"
            )
        )
        await stub.FlushSession(pb.FlushSessionRequest(scope=self.session))
        created = await stub.CreateMemories(
            pb.CreateMemoriesRequest(scope=self.scope, memories=[self.memory(), self.memory()])
        )
        ids = [result.memory.id for result in created.results]
        changed = memory_pb2.Memory(id=ids[0], text=self.say("changed"))
        update = pb.UpdateMemoryRequest(scope=self.scope, memory=changed)
        update.update_mask.paths.append("text")
        await stub.UpdateMemory(update)
        await stub.DeleteMemories(pb.DeleteMemoriesRequest(scope=self.scope, ids=ids[1:]))
        await stub.AppendMessages(
            pb.AppendMessagesRequest(scope=self.session, messages=[self.message()])
        )
        return ids


def told_by(error: grpc.aio.AioRpcError) -> bytes:
    """Return all that an error tells its caller."""
    metadata = [*(error.initial_metadata() or ()), *(error.trailing_metadata() or ())]
    parts = [error.details() or "", *(part for pair in metadata for part in pair)]
    return b"\n".join(p.encode() if isinstance(p, str) else bytes(p) for p in parts)


async def where(redis: Redis, mark: str) -> set[str]:
    """Return the keys in whose name or content, of whatever type, a mark is."""
    wanted = mark.encode()
    found = set()
    for key, content in (await snapshot(redis, without=b"")).items():
        if wanted in key or any(wanted in part for part in _parts(content)):
            found.add(key.decode())
    return found


def _parts(content: Any) -> list[bytes]:
    if isinstance(content, bytes):
        return [content]
    if isinstance(content, dict):
        return [part for pair in content.items() for each in pair for part in _parts(each)]
    if isinstance(content, (list, tuple, set)):
        return [part for each in content for part in _parts(each)]
    return []
