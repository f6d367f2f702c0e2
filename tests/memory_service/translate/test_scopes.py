from __future__ import annotations

import pytest
from agentmemory.v1 import memory_pb2 as pb

from memory_service.domain.errors import InvalidField
from memory_service.domain.owner import Owner, SessionRef
from memory_service.translate import scopes

USER = pb.Scope(namespace="app", user_id="alice")
CHAT = pb.Scope(namespace="app", session_id="chat")
BOTH = pb.Scope(namespace="app", user_id="alice", session_id="chat")
NOBODY = pb.Scope(namespace="app")

ALICE = Owner.user("acme", "app", "alice")
LONE = Owner.session("acme", "app", "chat")
SHARED = Owner.shared("acme", "app")


@pytest.mark.parametrize(
    ("scope", "owner"), [(USER, ALICE), (BOTH, ALICE), (CHAT, LONE), (NOBODY, SHARED)]
)
def test_the_user_owns_before_the_session_and_the_session_before_the_namespace(scope, owner):
    assert scopes.owner("acme", scope) == owner


def test_nothing_becomes_shared_by_leaving_a_field_out():
    with pytest.raises(InvalidField, match=r"^scope: "):
        scopes.owner_for_create("acme", NOBODY, shared=False)
    assert scopes.owner_for_create("acme", NOBODY, shared=True) == SHARED
    assert scopes.owner_for_create("acme", USER, shared=False) == ALICE
    assert scopes.owner_for_create("acme", CHAT, shared=False) == LONE


def test_what_is_shared_has_no_user():
    with pytest.raises(InvalidField, match=r"^scope\.user_id: "):
        scopes.owner_for_create("acme", USER, shared=True)


def test_a_session_and_a_user_must_be_named_where_they_are_needed():
    assert scopes.session("acme", BOTH) == SessionRef(ALICE, "chat")
    assert scopes.session("acme", CHAT) == SessionRef(LONE, "chat")
    assert scopes.user("acme", BOTH) == ALICE
    with pytest.raises(InvalidField, match=r"^scope\.session_id: "):
        scopes.session("acme", USER)
    with pytest.raises(InvalidField, match=r"^scope\.user_id: "):
        scopes.user("acme", CHAT)


@pytest.mark.parametrize(
    ("scope", "visibility", "owners"),
    [
        (USER, pb.VISIBILITY_UNSPECIFIED, (ALICE,)),
        (USER, pb.VISIBILITY_OWN, (ALICE,)),
        (USER, pb.VISIBILITY_SHARED, (SHARED,)),
        (USER, pb.VISIBILITY_OWN_AND_SHARED, (ALICE, SHARED)),
        (CHAT, pb.VISIBILITY_OWN_AND_SHARED, (LONE, SHARED)),
        (NOBODY, pb.VISIBILITY_OWN_AND_SHARED, (SHARED,)),
    ],
)
def test_a_search_covers_who_was_asked_for_each_once(scope, visibility, owners):
    assert scopes.searched("acme", scope, visibility) == owners


def test_an_unknown_visibility_is_refused():
    with pytest.raises(InvalidField, match=r"^visibility: "):
        scopes.searched("acme", USER, 9)


@pytest.mark.parametrize("field", ["namespace", "user_id", "session_id"])
def test_a_part_with_a_control_character_is_named(field: str):
    with pytest.raises(InvalidField, match=rf"^scope\.{field}: "):
        scopes.owner("acme", pb.Scope(**{field: "a\0b"}))


@pytest.mark.parametrize("scope", [USER, CHAT, NOBODY])
def test_an_owners_scope_names_the_owner_again(scope: pb.Scope):
    assert scopes.to_proto(scopes.owner("acme", scope)) == scope
    assert scopes.owner("acme", scopes.to_proto(ALICE, "chat")) == ALICE
