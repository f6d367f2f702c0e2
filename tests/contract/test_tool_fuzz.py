"""Whatever a model calls, it gets an answer: no argument makes the call itself fail."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any

from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub

from memory_service.tools.catalogue import TOOLS
from memory_service.translate.structs import DEEPEST
from tests.contract.seed import said, session_of

CALLS = 600
STRINGS = (
    *("", " ", "Alice", "a" * 300, "x" * 9000, "é" * 4096, "\u0000", "\u2028", "</memories>"),
    *("2025", "2025-02-30", "2025-03-14T09:30Z", "0000", "9999-12-31", "1969-12-31T23:59-12:00"),
    *("Europe/Berlin", "../../etc/passwd", "북", "\ud83d\ude00", "%", "*", "@owner:{x}", "-"),
)
ANYTHING: tuple[Any, ...] = (
    *(None, True, 0, -1, 1, 5, 2**53, 10**30, 1.5, 1e308, [], {}, [None], {"a": {"b": [1]}}),
    *STRINGS,
)
LEVELS = (1, DEEPEST - 2, DEEPEST - 1, DEEPEST, 33, 34, 48, 49, 50, 99, 300, 900)


class Careless:
    """Writes arguments that are mostly as the schema has them, and sometimes are not."""

    def __init__(self, seed: int, ids: list[str]) -> None:
        self._random = random.Random(seed)
        self._ids = ids

    def arguments(self, schema: dict[str, Any], name: str = "") -> Any:
        if self._random.random() < 0.06:
            return self._anything()
        match schema["type"]:
            case "object" | ["object", _] if schema["properties"]:
                return self._object(schema)
            case "object":
                return {self._random.choice(STRINGS): self._anything()}
            case "array" | ["array", _]:
                number = self._random.choice((0, 1, 1, 2, 3))
                return [self.arguments(schema["items"], name) for _ in range(number)]
            case "integer" | ["integer", _]:
                number = self._random.randint(schema["minimum"], schema["maximum"])
                return self._random.choice((number, float(number)))
            case _:
                return self._string(schema, name)

    def _anything(self) -> Any:
        return self._random.choice(ANYTHING) if self._random.random() < 0.7 else self._nested()

    def _nested(self) -> Any:
        value: Any = 1
        lists = self._random.random()
        for _ in range(self._random.choice(LEVELS)):
            value = [value] if self._random.random() < lists else {"a": value}
        return value

    def _object(self, schema: dict[str, Any]) -> dict[str, Any]:
        wanted = {
            name: self.arguments(below, name)
            for name, below in schema["properties"].items()
            if name in schema["required"] or self._random.random() < 0.4
        }
        extra = {"user_id": "bob"} if self._random.random() < 0.02 else {}
        return wanted | extra

    def _string(self, schema: dict[str, Any], name: str) -> Any:
        if "enum" in schema:
            return self._random.choice(schema["enum"])
        if name in {"id", "ids"}:
            return self._random.choice(self._ids if self._random.random() < 0.8 else STRINGS)
        return self._random.choice(STRINGS)


async def test_whatever_a_model_calls_it_gets_an_answer(
    memory: MemoryServiceStub, new_scope: Callable[[], memory_pb2.Scope]
) -> None:
    scope = session_of(new_scope(), "s1")
    stranger = new_scope()
    await memory.AppendMessages(pb.AppendMessagesRequest(scope=scope, messages=[said()]))
    ids = [f"own-{n}" for n in range(60)]
    own = [memory_pb2.Memory(id=id_, text=f"Bee {id_} hums.") for id_ in ids]
    await memory.CreateMemories(pb.CreateMemoriesRequest(scope=scope, memories=own))
    theirs = memory_pb2.Memory(id="theirs", text="Wasps hum.")
    await memory.CreateMemories(pb.CreateMemoriesRequest(scope=stranger, memories=[theirs]))
    model = Careless(20251128, [*ids, theirs.id])
    requests = [
        pb.CallToolRequest(
            scope=scope,
            call=memory_pb2.ToolCall(
                name=name, arguments=json.dumps(model.arguments(TOOLS[name].parameters))
            ),
        )
        for name in (list(TOOLS) * CALLS)[:CALLS]
    ]
    good = dict.fromkeys(TOOLS, 0)
    for start in range(0, CALLS, 8):
        batch = requests[start : start + 8]
        for request, answered in zip(
            batch, await asyncio.gather(*map(memory.CallTool, batch)), strict=True
        ):
            found = json.loads(answered.content_json)
            assert answered.is_error == (found.keys() == {"error"})
            assert theirs.text not in answered.content_json
            good[request.call.name] += not answered.is_error
    assert min(good.values()) > 0, good
    assert await memory.GetWorkingMemory(pb.GetWorkingMemoryRequest(scope=scope))
    kept = await memory.GetMemory(pb.GetMemoryRequest(scope=stranger, id=theirs.id))
    assert kept.memory.text == theirs.text
