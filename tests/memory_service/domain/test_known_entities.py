"""Whom memories name in somebody's life, read from their sentences."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memory_service.domain.changes import Cause, Change, ChangeKind, Earlier
from memory_service.domain.known_entities import (
    MOST_KNOWN,
    PAGE,
    KnownEntity,
    foremost,
    gained,
    last_of_page,
    named_in,
    page_of,
)
from memory_service.domain.memory import Entity, Memory, MemoryType
from tests.support.memories import make

EMMA = KnownEntity("Emma", "person", "sister", "Alice")


def memory(text: str, *entities: str, slot: str = "") -> Memory:
    named = (Entity(*each.rpartition("/")[::2]) for each in ("Alice/person", *entities))
    return replace(make("m", text), entities=tuple(named), slot=slot)


NURSE = memory("Alice's sister Emma is a nurse.", "Emma/person")


@pytest.mark.parametrize(
    ("text", "entity", "expected"),
    [
        ("Alice's sister Emma is a nurse.", "Emma/person", "sister of Alice"),
        ("Emma is Alice's sister Emma.", "Emma/person", "sister of Alice"),
        ("Alice's older sister Emma Stone sings.", "Emma Stone/person", "older sister of Alice"),
        ("Alice's husband is called Tom.", "Tom/person", "husband of Alice"),
        ("Alice adopted a dog called Rex in April 2023.", "Rex/pet", "dog of Alice"),
        ("Alice's dog Rex was sick on 24 May 2023.", "Rex/pet", "dog of Alice"),
        ("The user's brother Bob sails.", "Bob/person", "brother of the user"),
        ("Alice visited the user's brother Bob.", "Bob/person", "brother of the user"),
    ],
)  # fmt: skip
def test_a_memory_names_people_and_pets(text: str, entity: str, expected: str) -> None:
    (found,) = named_in(memory(text, entity))
    assert f"{found.name}/{found.kind}" == entity
    assert f"{found.relation} of {found.of}" == expected


USER = KnownEntity("Alice", "person", "name", "the user")


@pytest.mark.parametrize(
    ("text", "slot"),
    [
        ("Alice lives in Oslo.", "the user|home"),
        ("The user's name is Alice.", "the user|name"),
        ("The user's name is Alice.", ""),
        ("The user's name is spelt Alice, not Alys.", "the user|name"),
    ],
)
def test_the_user_is_known_by_what_is_told_of_them(text: str, slot: str) -> None:
    assert named_in(memory(text, slot=slot)) == {USER}


@pytest.mark.parametrize(
    ("text", "slot"),
    [
        ("Alice lives in Oslo.", "alice|home"),
        ("Alice lives in Oslo.", ""),
        ("Alice's sister is a nurse.", "the user's sister|job"),
        ("The user visited Alice.", "the user|visit alice"),
        ("The user's name is not Alice.", "the user|name"),
        ("The user's name is Alicea.", "the user|name"),
    ],
)
def test_nobody_else_is_taken_for_the_user(text: str, slot: str) -> None:
    assert USER not in named_in(memory(text, slot=slot))


def test_who_the_user_is_comes_before_those_whom_more_memories_name() -> None:
    counts = {KnownEntity(f"{n}", "person", "friend", "Alice"): 2 for n in range(MOST_KNOWN)}
    assert foremost({**counts, USER: 1})[0] == USER


def test_a_nameless_user_has_a_company() -> None:
    works = memory("Alice works at Acme.", "Acme/org", slot="the user|employer")
    assert named_in(works) == {USER, KnownEntity("Acme", "org", "company", "the user")}


def test_who_works_somewhere_has_a_company() -> None:
    works = memory("Alice works at Acme.", "Acme/org", slot="alice|employer")
    acme = KnownEntity("Acme", "org", "company", "Alice")
    assert named_in(works) == {acme}
    for text in ("Alice no longer works at Acme.", "Alice quit the job at Acme.",
                 "Alice doesn't work at Acme any more."):  # fmt: skip
        assert not named_in(replace(works, text=text))
    assert not named_in(replace(works, slot="alice|home"))


@pytest.mark.parametrize(
    "nobody",
    [
        replace(NURSE, untrusted=True),
        replace(NURSE, superseded=5, superseded_by="x"),
        replace(NURSE, type=MemoryType.MESSAGE),
        replace(NURSE, entities=()),
        memory("Alice's sister Emma is a nurse.", "Emma/place"),
        memory("Alice's sisterEmma.", "Emma/person"),
        memory("Alice's sister Emma\nStone sings.", "Emma\nStone/person"),
        memory(f"Alice's sister {'E' * 65} sings.", f"{'E' * 65}/person"),
        memory("Alice's sister Emma is a nurse. " + "x" * 400, "Emma/person"),
        memory("Alice met Emma.", "Emma/person"),
        memory("Emma's sister.", "Emma/person"),
    ],
)
def test_nobody_is_known_by_what_is_not_current_not_trusted_or_says_otherwise(
    nobody: Memory,
) -> None:
    assert not named_in(nobody)


def test_a_memory_names_a_few_at_most() -> None:
    names = [f"N{number:02d}" for number in range(10)]
    text = " and ".join(f"Alice's cousin {name}" for name in names)
    assert len(named_in(memory(text, *(f"{name}/person" for name in names)))) == 4


def test_changes_count_who_is_named_and_who_no_longer_is() -> None:
    created = Change(ChangeKind.CREATED, NURSE)
    other = replace(NURSE, text="Alice's sister Emily is a nurse.", entities=(
        Entity("Alice", "person"), Entity("Emily", "person")))  # fmt: skip
    updated = Change(ChangeKind.UPDATED, other, None, Earlier(NURSE, 1, Cause.UPDATE))
    deleted = Change(ChangeKind.DELETED, NURSE, None, Earlier(NURSE, 1, Cause.DELETE))
    ended = Earlier(NURSE, 1, Cause.SUPERSEDE)
    superseded = Change(ChangeKind.SUPERSEDED, replace(NURSE, superseded=1), None, ended)
    untouched = Change(ChangeKind.UPDATED, NURSE, None, Earlier(NURSE, 1, Cause.MERGE))
    assert gained([created, created]) == {EMMA: 2}
    assert gained([updated]) == {EMMA: -1, replace(EMMA, name="Emily"): 1}
    assert gained([deleted]) == gained([superseded]) == {EMMA: -1}
    assert gained([untouched]) == gained([created, deleted]) == {}


def test_the_foremost_are_those_whom_most_memories_name_in_one_order() -> None:
    counts = {replace(EMMA, name=f"{number:03d}"): number // 2 for number in range(100)}
    found = foremost(counts)
    assert len(found) == MOST_KNOWN
    assert [each.name for each in found[:4]] == ["098", "099", "096", "097"]
    assert foremost(dict(reversed(counts.items()))) == found


def test_pages_have_so_many_messages() -> None:
    assert [page_of(n) for n in (1, PAGE, PAGE + 1)] == [0, 0, 1]
    assert [last_of_page(n) for n in (1, PAGE, PAGE + 1)] == [PAGE, PAGE, 2 * PAGE]
