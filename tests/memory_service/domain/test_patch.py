from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.errors import InvalidField
from memory_service.domain.patch import MAX_DATA, PatchMode, data_text, patched

REPLACE, MERGE, DEEP = PatchMode.REPLACE, PatchMode.MERGE, PatchMode.DEEP_MERGE

_KEYS = st.sampled_from(["a", "b", "c", ""])
_LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3)


def _containers(below: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(below, max_size=3) | st.dictionaries(_KEYS, below, max_size=4)


VALUES = st.recursive(_LEAVES, _containers, max_leaves=12)
OBJECTS = st.dictionaries(_KEYS, VALUES, max_size=4)


def rfc_7396(target: Any, patch: Any) -> Any:
    """MergePatch of RFC 7396, section 2, as it stands there."""
    if isinstance(patch, dict):
        if not isinstance(target, dict):
            target = {}
        for name, value in patch.items():
            if value is None:
                if name in target:
                    del target[name]
            else:
                target[name] = rfc_7396(target.get(name), value)
        return target
    return patch


@given(OBJECTS, OBJECTS)
def test_a_deep_merge_is_that_of_rfc_7396(data: dict, patch: dict):
    assert patched(data, patch, DEEP) == rfc_7396(deepcopy(data), deepcopy(patch))


@given(OBJECTS, OBJECTS)
def test_a_merge_takes_each_top_level_value_whole(data: dict, patch: dict):
    merged = patched(data, patch, MERGE)
    for key in data.keys() | patch.keys():
        if key not in patch:
            assert merged[key] == data[key]
        elif patch[key] is None:
            assert key not in merged
        else:
            assert merged[key] == patch[key]
    assert merged.keys() <= data.keys() | patch.keys()


@given(OBJECTS, OBJECTS)
def test_a_replacement_is_the_patch(data: dict, patch: dict):
    assert patched(data, patch, REPLACE) == patch


@given(OBJECTS, OBJECTS, st.sampled_from(PatchMode))
def test_a_patch_changes_neither_of_its_arguments(data: dict, patch: dict, mode: PatchMode):
    before = deepcopy((data, patch))
    patched(data, patch, mode)
    assert (data, patch) == before


@given(OBJECTS, OBJECTS, st.sampled_from(PatchMode))
def test_a_patch_laid_over_twice_is_as_once(data: dict, patch: dict, mode: PatchMode):
    once = patched(data, patch, mode)
    assert patched(once, patch, mode) == once


@pytest.mark.parametrize(
    ("data", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_rfc_7396_hold(data: dict, patch: dict, result: dict):
    assert patched(data, patch, DEEP) == result


@given(OBJECTS)
def test_an_object_comes_back_from_its_text(data: dict):
    assert json.loads(data_text(data, "data")) == data


def test_the_order_of_keys_does_not_change_the_text():
    assert data_text({"b": 1, "a": 2}, "data") == data_text({"a": 2, "b": 1}, "data")


@pytest.mark.parametrize(("letter", "size"), [("x", 1), ("ü", 2), ("日", 3)])
def test_the_limit_is_in_bytes(letter: str, size: int):
    most = (MAX_DATA - len('{"a":""}')) // size
    assert len(data_text({"a": letter * most}, "data").encode()) <= MAX_DATA
    with pytest.raises(InvalidField) as caught:
        data_text({"a": letter * (most + 1)}, "session.data")
    assert caught.value.path == "session.data"


def test_whole_numbers_count_as_a_caller_writes_them():
    most = (MAX_DATA - len('{"a":[1]}')) // len(",1") + 1
    assert data_text({"a": [1.0] * most}, "data")
    with pytest.raises(InvalidField, match=r"^data: "):
        data_text({"a": [1.0] * (most + 1)}, "data")
