from __future__ import annotations

import pytest
from agentmemory.v1 import memory_service_pb2 as pb

from memory_service.domain.changes import ChangeKind
from memory_service.domain.errors import InvalidField
from memory_service.domain.memory import MemoryType
from memory_service.store.feed import FeedEntry
from memory_service.translate import changes, showing
from memory_service.watching import Told
from tests.support.memories import make


@pytest.mark.parametrize("kind", list(ChangeKind), ids=lambda kind: kind.value)
def test_every_kind_of_change_has_a_word_in_the_contract(kind: ChangeKind):
    memory = make("m1")
    told = Told(7, FeedEntry(7, kind, "m1", MemoryType.SEMANTIC), memory)
    answer = changes.to_proto(told)
    assert pb.ChangeKind.Name(answer.change.kind) == f"CHANGE_KIND_{kind.name}"
    assert (answer.revision, answer.change.memory_id) == (7, "m1")
    assert answer.change.memory == showing.memory(memory)


def test_a_memory_that_is_gone_is_left_unset():
    told = Told(7, FeedEntry(7, ChangeKind.CREATED, "m1", MemoryType.SEMANTIC))
    assert not changes.to_proto(told).change.HasField("memory")


def test_a_checkpoint_has_a_revision_only():
    assert changes.to_proto(Told(7)) == pb.WatchMemoriesResponse(revision=7)


def test_a_watch_begins_where_it_is_told_to_or_now():
    assert changes.after_revision(pb.WatchMemoriesRequest()) is None
    assert changes.after_revision(pb.WatchMemoriesRequest(after_revision=0)) == 0
    with pytest.raises(InvalidField) as raised:
        changes.after_revision(pb.WatchMemoriesRequest(after_revision=-1))
    assert raised.value.path == "after_revision"
