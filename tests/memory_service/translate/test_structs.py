from __future__ import annotations

import math

import pytest
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


def test_the_limit_is_in_bytes():
    value = struct(a="é" * 10)
    size = len(structs.to_json(value, "metadata", max_bytes=1000).encode())
    assert structs.to_json(value, "metadata", max_bytes=size)
    with pytest.raises(InvalidField, match=r"^metadata: "):
        structs.to_json(value, "metadata", max_bytes=size - 1)


@pytest.mark.parametrize("value", [struct(a=math.nan), struct(a=math.inf)])
def test_what_json_has_no_words_for_is_refused(value: Struct):
    with pytest.raises(InvalidField, match=r"^metadata: "):
        structs.to_json(value, "metadata", max_bytes=1000)
