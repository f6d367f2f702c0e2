from __future__ import annotations

from dataclasses import replace

from memory_service.domain.owner import Owner, SessionRef
from memory_service.log_names import log_names

REF = SessionRef(Owner.user("acme", "shop", "alice"), "chat")


def test_the_same_session_has_the_same_names_and_no_other_has() -> None:
    assert log_names(REF) == log_names(replace(REF))
    bob = SessionRef(Owner.user("acme", "shop", "bob"), "chat")
    assert not set(log_names(REF).values()) & set(log_names(bob).values())
    other = log_names(SessionRef(REF.owner, "other"))
    assert other["owner"] == log_names(REF)["owner"]
    assert other["session"] != log_names(REF)["session"]


def test_no_id_is_in_a_name() -> None:
    said = repr(log_names(REF))
    assert not any(part in said for part in ("acme", "shop", "alice", "chat"))
