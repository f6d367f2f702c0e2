from __future__ import annotations

import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from google.protobuf.struct_pb2 import Struct

from memory_service.domain.errors import InvalidField
from memory_service.translate import calls


def append(content: str = "hi", request_id: str = "r") -> pb.AppendMessagesRequest:
    message = memory_pb2.Message(role=memory_pb2.ROLE_USER, content=content)
    return pb.AppendMessagesRequest(messages=[message], request_id=request_id)


def test_a_call_without_a_request_id_is_never_a_repeat():
    assert calls.request_key("AppendMessages", append(request_id=""), "") is None


def test_the_key_is_of_the_method_the_id_and_all_other_arguments():
    key = calls.request_key("AppendMessages", append(), "r")
    assert key == calls.request_key("AppendMessages", append(), "r")
    assert (key.method, key.id) == ("AppendMessages", "r")
    assert key.arguments != calls.request_key("AppendMessages", append("ho"), "r").arguments
    other = calls.request_key("AppendMessages", append(request_id="s"), "s")
    assert other.arguments == key.arguments


def test_a_bad_request_id_is_refused():
    for bad in ("x" * 129, "a\nb"):
        with pytest.raises(InvalidField, match=r"^request_id: "):
            calls.request_key("AppendMessages", append(), bad)


def test_arguments_do_not_depend_on_the_order_of_a_maps_keys():
    forth, back = Struct(), Struct()
    forth.update({str(n): n for n in range(50)})
    back.update({str(n): n for n in reversed(range(50))})
    one, other = (
        calls.arguments_of(pb.PatchWorkingMemoryDataRequest(data=data)) for data in (forth, back)
    )
    assert one == other


def test_what_is_left_out_does_not_count_and_the_request_is_not_touched():
    request = pb.ListMemoriesRequest(page_size=5, page_token="t")
    left = calls.arguments_of(request, "page_size", "page_token")
    assert left == calls.arguments_of(pb.ListMemoriesRequest())
    assert request.page_size == 5


def test_arguments_of_two_methods_differ_even_where_their_fields_are_the_same():
    scope = memory_pb2.Scope(user_id="alice")
    sessions, memories = pb.ListSessionsRequest(scope=scope), pb.ListMemoriesRequest(scope=scope)
    assert sessions.SerializeToString() == memories.SerializeToString()
    assert calls.arguments_of(sessions) != calls.arguments_of(memories)


def test_a_page_has_fifty_items_unless_one_to_a_thousand_are_asked_for():
    assert calls.page_size(0) == 50
    assert [calls.page_size(n) for n in (1, 1000)] == [1, 1000]
    for bad in (-1, 1001):
        with pytest.raises(InvalidField, match=r"^page_size: "):
            calls.page_size(bad)
