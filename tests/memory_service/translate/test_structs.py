from __future__ import annotations

import json
import math

import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from google.protobuf.struct_pb2 import Struct

from memory_service.domain.errors import InvalidField
from memory_service.translate import structs


def struct(**values: object) -> Struct:
    found = Struct()
    found.update(values)
    return found


@pytest.mark.parametrize(
    "value",
    [struct(), struct(a=None, b=[1.5, {"c": "ü\0"}], d=False), struct(**{"": "x", "a b": 2**53})],
)
def test_an_object_comes_back_as_it_was(value: Struct):
    assert structs.from_json(structs.to_json(value, "metadata", max_bytes=1000)) == value


MEASURED = {
    '{"a":"éééé"}': struct(a="éééé"),
    '{"a":[1,2,-3],"b":{"c":0.5}}': struct(a=[1, 2, -3], b={"c": 0.5}),
    '{"a":9007199254740992}': struct(a=2**53),
    '{"a":1e+300}': struct(a=1e300),
    "{}": struct(),
}


@pytest.mark.parametrize("text", MEASURED)
def test_the_limit_is_in_bytes_of_the_compact_json_that_a_caller_has(text: str):
    value, size = MEASURED[text], len(text.encode())
    assert structs.to_json(value, "metadata", max_bytes=size)
    with pytest.raises(InvalidField, match=r"^metadata: "):
        structs.to_json(value, "metadata", max_bytes=size - 1)


@pytest.mark.parametrize("value", [struct(a=math.nan), struct(a=math.inf)])
def test_what_json_has_no_words_for_is_refused(value: Struct):
    with pytest.raises(InvalidField, match=r"^metadata: "):
        structs.to_json(value, "metadata", max_bytes=1000)


def nested(depth: int, *, lists: bool) -> dict[str, object]:
    """An object of so many levels, all but the first of them lists or objects."""
    value: object = 1
    for _ in range(depth - 1):
        value = [value] if lists else {"a": value}
    return {"a": value}


@pytest.mark.parametrize("lists", [False, True])
def test_the_limit_of_levels_names_the_path(lists: bool):
    deepest = struct(**nested(structs.DEEPEST, lists=lists))
    assert structs.from_json(structs.to_json(deepest, "metadata", max_bytes=1000)) == deepest
    deeper = struct(**nested(structs.DEEPEST + 1, lists=lists))
    for refused in (structs.to_object, lambda *of: structs.to_json(*of, max_bytes=1000)):
        with pytest.raises(InvalidField, match=r"^metadata: is nested more than 24 deep$"):
            refused(deeper, "metadata")


@pytest.mark.parametrize("lists", [False, True])
@pytest.mark.parametrize("depth", range(25, 60))
def test_what_was_stored_before_there_was_a_limit_keeps_no_answer_from_being_read(
    depth: int, lists: bool
):
    stored = nested(depth, lists=lists)
    memory = memory_pb2.Memory(metadata=structs.from_json(json.dumps(stored)))
    record = pb.ExportRecord(revision=pb.MemoryRevision(memory=memory))
    answer = pb.ExportMemoriesResponse(records=[record])
    assert pb.ExportMemoriesResponse.FromString(answer.SerializeToString()) == answer
    readable = depth <= (47 if lists else 32)
    assert structs.to_object(memory.metadata, "", stored=True) == (stored if readable else {})
