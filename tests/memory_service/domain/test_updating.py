from __future__ import annotations

from dataclasses import replace

import pytest

from memory_service.domain.changes import Cause, Change, ChangeKind, Earlier, OwnerState, Plan
from memory_service.domain.errors import InvalidField
from memory_service.domain.memory import MemoryType
from memory_service.domain.updating import restore, update
from tests.support.memories import make

NOW = 1_000
STATE = OwnerState(7, 9)
MEMORY = replace(make("m", "a", topics=("t",)), embedded=True, revision=3)


def test_an_update_takes_the_next_revision_and_ends_the_state_before():
    edit = update(MEMORY, {"topics": ()}, None, STATE, NOW)
    expected = replace(MEMORY, topics=(), updated=NOW, revision=8)
    assert edit.memory == expected
    earlier = Earlier(MEMORY, NOW, Cause.UPDATE)
    assert edit.plan.changes == (Change(ChangeKind.UPDATED, expected, earlier=earlier),)
    assert edit.plan.state == OwnerState(8, 9)


def test_an_update_to_what_is_already_so_changes_nothing():
    values = {"text": "a", "topics": ("t",), "type": MemoryType.SEMANTIC}
    edit = update(MEMORY, values, b"v", STATE, NOW)
    assert (edit.memory, edit.plan) == (MEMORY, Plan((), (), STATE))


def test_an_end_that_was_learned_is_the_callers_only_when_it_is_another():
    memory = replace(MEMORY, valid_to=5, end_learned=True, superseded_by="n", superseded=6)
    assert update(memory, {"valid_to": 5}, None, STATE, NOW).plan.changes == ()
    assert update(memory, {"valid_to": 5, "topics": ()}, None, STATE, NOW).memory.end_learned
    for end in (4, None):
        assert not update(memory, {"valid_to": end}, None, STATE, NOW).memory.end_learned


def test_what_ended_as_it_began_may_be_written_again_as_it_is_and_not_otherwise():
    memory = replace(MEMORY, valid_from=5, valid_to=5, superseded_by="n", superseded=6)
    for times in ({"valid_from": 5}, {"valid_to": 5}, {"valid_from": 5, "valid_to": 5}):
        edit = update(memory, {**times, "topics": ()}, None, STATE, NOW)
        assert (edit.memory.valid_from, edit.memory.valid_to) == (5, 5)
        assert edit.memory.topics == ()
    assert update(memory, {"valid_from": 5}, None, STATE, NOW).plan.changes == ()
    for times in ({"valid_from": 6}, {"valid_to": 4}, {"valid_from": 4, "valid_to": 4}):
        with pytest.raises(InvalidField, match=r"^memory\.valid_to: "):
            update(memory, times, None, STATE, NOW)
    assert update(memory, {"valid_from": 4}, None, STATE, NOW).memory.valid_from == 4


def test_a_new_text_is_embedded_only_with_a_vector_of_its_own():
    for vector in (b"v", None):
        (change,) = update(MEMORY, {"text": "b"}, vector, STATE, NOW).plan.changes
        assert (change.vector, change.memory.embedded) == (vector, vector is not None)
        assert change.new_text


def test_an_old_text_keeps_its_vector():
    values = {"text": "a", "pinned": True}
    (change,) = update(MEMORY, values, b"v", STATE, NOW).plan.changes
    assert (change.vector, change.memory.embedded, change.new_text) == (None, True, False)


def test_update_times_never_go_back():
    late = replace(MEMORY, updated=NOW + 5)
    assert update(late, {"text": "b"}, None, STATE, NOW).memory.updated == NOW + 5


def test_restoring_an_earlier_state_keeps_the_create_time_and_takes_a_revision():
    target = replace(make("m", "old"), created=2, revision=1)
    current = replace(MEMORY, created=5)
    edit = restore(target, current, b"v", STATE, NOW)
    expected = replace(target, created=5, updated=NOW, revision=8, embedded=True)
    assert edit.memory == expected
    (change,) = edit.plan.changes
    assert change.kind is ChangeKind.UPDATED
    assert change.earlier == Earlier(current, NOW, Cause.RESTORE)
    again = restore(MEMORY, MEMORY, b"v", STATE, NOW)
    assert (again.memory, again.plan.changes) == (MEMORY, ())


def test_restoring_a_deleted_memory_makes_it_anew():
    edit = restore(MEMORY, None, None, STATE, NOW)
    expected = replace(MEMORY, embedded=False, updated=NOW, revision=8)
    assert edit.plan.changes == (Change(ChangeKind.CREATED, expected),)
    assert edit.plan.state == OwnerState(8, 9)
