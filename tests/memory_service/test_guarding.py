"""What a policy leaves of memories that callers write."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from memory_service.domain.memory import Entity, MemoryType, NewMemory
from memory_service.guarding import Guard
from memory_service.settings import MemorySettings
from service_kit.guard.policy import Policy

MAIL = "ada.byron@example.org"
CARD = "5555 5555 5555 4444"
TOLD = NewMemory(
    id="m1",
    text=f"Ada pays with {CARD}, and her mail is {MAIL}.",
    type=MemoryType.SEMANTIC,
    topics=(f"card {CARD}", "card [card number]", "money"),
    entities=(Entity(MAIL, "mail"), Entity("Ada", "person")),
    supersede_reason=f"not {MAIL} any more",
    slot=f"{MAIL}|card",
    metadata=f'{{"mail":"{MAIL}"}}',
)


def guard(policy: str) -> Guard:
    return Guard(Policy.parse(policy))


async def test_a_guard_of_secrets_leaves_personal_data() -> None:
    (kept,) = await guard("secrets").memories([TOLD])
    assert kept.text == f"Ada pays with [card number], and her mail is {MAIL}."
    assert kept.topics == ("card [card number]", "money")
    assert kept.entities == TOLD.entities


async def test_a_guard_of_personal_data_leaves_metadata_alone() -> None:
    (kept,) = await guard("secrets+personal").memories([TOLD])
    assert kept.text == "Ada pays with [card number], and her mail is [e-mail]."
    assert kept.entities == (Entity("[e-mail]", "mail"), Entity("Ada", "person"))
    assert kept.supersede_reason == "not [e-mail] any more"
    assert kept.slot == ""
    assert kept.metadata == TOLD.metadata


async def test_no_guard_changes_nothing() -> None:
    assert await guard("none").memories([TOLD]) == [TOLD]


async def test_values_of_an_update_are_guarded_however_long() -> None:
    text = "Ada is kind. " * 1000 + f"Ada pays with {CARD}."
    kept = await guard("secrets").values({"text": text, "topics": (CARD,), "pinned": True})
    assert kept["text"] == "Ada is kind. " * 1000 + "Ada pays with [card number]."
    assert kept["topics"] == ("[card number]",)
    assert kept["pinned"] is True


def test_a_policy_that_there_is_not_is_no_setting() -> None:
    with pytest.raises(ValidationError, match="should name some of none, secrets"):
        MemorySettings(guard="secretz")
    assert MemorySettings().policy == Policy()
