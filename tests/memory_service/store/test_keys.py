from __future__ import annotations

import re
from collections import Counter

from hypothesis import assume, given
from hypothesis import strategies as st

from memory_service.domain.owner import Owner
from memory_service.store import keys
from memory_service.store.keys import OwnerKeys, PartitionKeys
from tests.support.memories import ALICE, SHARED

parts = st.text(max_size=12) | st.sampled_from(["a:b", "{1}", "%3A", "", "~", "ü", "\0", "a", "b"])
owners = (
    st.builds(Owner.user, parts, parts, parts)
    | st.builds(Owner.session, parts, parts, parts)
    | st.builds(Owner.shared, parts, parts)
)


def names(owner: Owner, part: str) -> list[str]:
    own = OwnerKeys(owner)
    return [
        *(own.state, own.facts, own.sessions, own.changes),
        *(own.memory(part), own.session(part), own.log(part), own.message_ids(part)),
        own.history(part),
        *(own.lease(part), own.request("Append", part), own.request(part, "Append")),
        *(own.shared.deltas, own.shared.unembedded, own.shared.dead),
    ]


@given(owners)
def test_any_owner_comes_back_from_its_path(owner: Owner):
    assert keys.owner_from_path(keys.owner_path(owner)) == owner


@given(owners, owners)
def test_two_owners_have_two_paths_and_two_tags(one: Owner, other: Owner):
    assume(one != other)
    assert keys.owner_path(one) != keys.owner_path(other)
    assert keys.owner_tag(one) != keys.owner_tag(other)


@given(owners, parts)
def test_any_memory_id_and_its_owner_come_back_from_the_key(owner: Owner, memory_id: str):
    key = OwnerKeys(owner).memory(memory_id)
    assert keys.memory_id_of(key) == memory_id
    assert keys.memory_owner_of(key) == owner


@given(owners, parts, owners, parts)
def test_no_two_things_share_a_key(one: Owner, a: str, other: Owner, b: str):
    assume((one, a) != (other, b))
    mine, theirs = OwnerKeys(one), OwnerKeys(other)
    assert mine.memory(a) != theirs.memory(b)
    assert mine.session(a) != theirs.session(b)
    assert mine.request("m", a) != theirs.request("m", b)


@given(owners, parts)
def test_the_keys_of_one_owner_differ_and_live_in_one_slot(owner: Owner, part: str):
    assume(part != "Append")
    found = names(owner, part)
    assert len(set(found)) == len(found)
    tag = f"{{{keys.partition_of(owner)}}}"
    # Redis hashes what stands between the first { and the first } after it.
    assert {re.search(r"\{.*?\}", name).group() for name in found} == {tag}


@given(owners, owners, parts)
def test_an_owner_knows_its_keys_from_those_of_others(one: Owner, other: Owner, part: str):
    mine, theirs = OwnerKeys(one), OwnerKeys(other)
    for name in [*names(one, part), *names(other, part)]:
        is_shared = name.endswith("}")
        assert mine.owns(name) == (not is_shared and name in names(one, part))
        assert theirs.owns(name) == (not is_shared and name in names(other, part))


@given(owners, parts)
def test_the_pattern_of_an_owner_has_stars_at_its_seams_only(owner: Owner, part: str):
    pattern = OwnerKeys(owner).pattern
    assert re.fullmatch(r"am:\*:[^*?\[\]\\]*\*", pattern)
    inside = pattern.removeprefix("am:*").removesuffix("*")
    assert all(inside in name for name in names(owner, part) if not name.endswith("}"))


def test_a_key_says_what_kind_of_thing_it_is():
    assert keys.family_of(OwnerKeys(ALICE).memory("wm")) == "mem"
    assert keys.family_of(OwnerKeys(ALICE).state) == "own"


@given(owners, parts)
def test_only_memories_are_under_the_prefix_of_the_index(owner: Owner, part: str):
    covered = [name for name in names(owner, part) if name.startswith(keys.MEMORY_PREFIX)]
    assert covered == [OwnerKeys(owner).memory(part)]


def test_partitions_are_used_evenly_and_never_change():
    counts = Counter(keys.partition_of(Owner.user("t", "n", str(i))) for i in range(25_600))
    assert set(counts) == set(range(keys.PARTITIONS))
    assert max(counts.values()) < 200
    assert keys.partition_of(ALICE) == 210
    assert OwnerKeys(ALICE).shared == PartitionKeys(210)


def test_key_names_are_as_they_were_written_down():
    assert OwnerKeys(ALICE).memory("a b") == "am:mem:{210}:acme:app:u:alice:a%20b"
    assert OwnerKeys(SHARED).state.endswith(":acme:app:n:")
    assert OwnerKeys(ALICE).lease("s") == "am:lease:{210}:acme:app:u:alice:s"
