"""Some hundreds of memories of every kind, and filters and views that some of them match."""

from __future__ import annotations

import json
import random
from typing import Any

from hypothesis import strategies as st

from memory_service.domain.filters import (
    AllOf,
    AnyOf,
    Condition,
    Filter,
    Has,
    MetadataAnyOf,
    MetadataHas,
    MetadataIs,
    MetadataRange,
    NumberField,
    NumberRange,
    Pinned,
    Prefix,
    TagField,
    TimeField,
    TimeRange,
    Untrusted,
)
from memory_service.domain.matching import in_view, matches
from memory_service.domain.memory import (
    FACTS,
    Entity,
    EventTime,
    Memory,
    MemoryType,
    Precision,
    Source,
)
from memory_service.domain.metadata import leaves
from memory_service.domain.search import Selection, View
from tests.support.memories import ALICE, BOB, SHARED

NOW = 1_700_000_000_000_000
"""Microseconds, so that neighbours in the tests differ in the last digit of sixteen."""

FIRST, LAST = -62_135_596_800_000_000, 253_402_300_799_999_000
"""The years 1 and 9999."""

WORDS = "alice bob jog park tea night morning train berlin paris".split()

NASTY = [
    *("a", "A", "ab", "abc", "b", "a,b", "a b", " a", "a ", "*", "a*", "%", "%%", "%61", "%2A"),
    *("$p0", "$", "} | @owner:{*", "{a}", "|", "a|b", "\\", '"', "'", "-a", "~a", "(a)", "@id:{a}"),
    *(
        "\0",
        "a\0b",
        "\n",
        "é",
        "e\u0301",
        "北京",
        "北京市",
        "北",
        "🍕",
        "🍕🍕",
        "ß",
        "ss",
        "ﬁ",
        "İ",
    ),
    *("/", "a/b", "=", "a=b", "!", "#", "1", "0", "true", "the", "don't", "new-york", ".", "a.b"),
    *("x" * 31, "x" * 32, "x" * 33, "x" * 255, "x" * 256, "ü" * 100, "ismissing(@topic)"),
]
NAMES = ["a", "b", "A", "a.b", "a/b", "/", "", "%", "=", "é", "n" * 40, "n" * 41]
NUMBERS = [
    *(0.0, -0.0, 1.0, -1.0, 2.0, 0.1, -0.1, 0.5, 12.34, 15.0, 16.0, 17.0, -16.0, 255.0, 256.0),
    *(
        5e-324,
        -5e-324,
        2.0**-1022,
        1e22,
        2.0**53,
        2.0**53 + 2,
        1e308,
        -1e308,
        1.7976931348623157e308,
    ),
]
TIMES = [FIRST, FIRST + 1000, -1, 0, 1, *range(NOW - 3, NOW + 9), LAST - 1000, LAST]


def _metadata(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.random()
    if depth < 3 and kind < 0.35:
        return {rng.choice(NAMES): _metadata(rng, depth + 1) for _ in range(rng.randrange(4))}
    if depth < 4 and kind < 0.5:
        return [_metadata(rng, depth + 1) for _ in range(rng.randrange(4))]
    return rng.choice([rng.choice(NASTY), rng.choice(NUMBERS), rng.random() < 0.5, None, ""])


def _object(rng: random.Random) -> str:
    """Return the JSON of an object, now and then one that has more in it than filters see."""
    found = {rng.choice(NAMES): _metadata(rng) for _ in range(rng.randrange(1, 5))}
    if rng.random() < 0.1:
        found["b"] = [*range(60), _metadata(rng)]
    return json.dumps(found, ensure_ascii=False)


def _some(rng: random.Random, values: list[str], most: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(rng.choices(values, k=rng.randrange(most + 1))))


def _perhaps(rng: random.Random, values: list[int]) -> int | None:
    return rng.choice(values) if rng.random() < 0.6 else None


def _memory(rng: random.Random, number: int) -> Memory:
    event = _perhaps(rng, TIMES)
    superseded = _perhaps(rng, TIMES) if rng.random() < 0.5 else None
    valid_to = _perhaps(rng, TIMES)
    return Memory(
        owner=rng.choice([ALICE, ALICE, ALICE, BOB, SHARED]),
        id=f"{rng.choice(NASTY)[:100]}{number}",
        text=" ".join(rng.choices(WORDS, k=rng.randrange(1, 8))),
        type=rng.choice(tuple(MemoryType)),
        topics=_some(rng, [*NASTY, ""], 3),
        entities=tuple(
            Entity(name, rng.choice(["", *NASTY[:20]])) for name in _some(rng, NASTY, 3)
        ),
        event_time=None if event is None else EventTime(event, Precision.DAY),
        sources=tuple(
            Source(rng.choice(NASTY[:12]), rng.choice(["", *NASTY]))
            for _ in range(rng.randrange(3))
        ),
        confidence=rng.choice([0.0, 0.25, 0.8999999761581421, 1.0]),
        extractor=rng.choice(["", "rules/1.3.0", "rules/1.4.0", "llm:a b"]),
        embedded=False,
        created=NOW + number,
        updated=NOW + rng.randrange(2000),
        revision=1,
        metadata=_object(rng) if rng.random() < 0.7 else "",
        pinned=rng.random() < 0.3,
        valid_from=_perhaps(rng, TIMES),
        valid_to=valid_to,
        superseded_by="" if superseded is None else "another",
        superseded=superseded,
        end_learned=None not in (superseded, valid_to) and rng.random() < 0.5,
        slot=rng.choice(["", *NASTY[:20]]),
        untrusted=rng.random() < 0.2,
    )


_RANDOM = random.Random(7)
MEMORIES = [_memory(_RANDOM, number) for number in range(300)]
PATHS = sorted(
    {
        leaf.path[:length]
        for memory in MEMORIES
        for leaf in leaves(memory.metadata)
        for length in range(1, len(leaf.path) + 1)
    }
    | {(name,) for name in NAMES}
)


def selected(selection: Selection) -> set[str]:
    """The ids of those of MEMORIES that the selection means."""
    return {
        memory.id
        for memory in MEMORIES
        if memory.owner in selection.owners
        and memory.type in selection.types
        and in_view(memory, selection.view)
        and matches(selection.filter, memory)
    }


_values = st.lists(st.sampled_from(NASTY), min_size=1, max_size=3).map(tuple)
_ids = st.lists(st.sampled_from([memory.id for memory in MEMORIES]), min_size=1, max_size=3)
_prefixed = st.sampled_from([field for field in TagField if field.value not in ("type", "message")])
_prefix_values = st.sampled_from(
    sorted({value[:length] for value in NASTY for length in (1, 2, 3, 32) if value[:length]})
) | st.sampled_from([*(memory.id[:32] for memory in MEMORIES), "rules/1.", "rules/1.3.0"])
_times = st.none() | st.sampled_from(TIMES) | st.integers(NOW - 5, NOW + 310)
_numbers = st.none() | st.sampled_from(NUMBERS) | st.floats(allow_nan=False)
_paths = st.sampled_from(PATHS)

LEAVES = st.one_of(
    st.builds(AnyOf, st.sampled_from(TagField), _values),
    st.builds(AnyOf, st.just(TagField.ID), _ids.map(tuple)),
    st.builds(AnyOf, st.just(TagField.TYPE), st.sampled_from([("message",), ("semantic", "x")])),
    st.builds(AllOf, st.sampled_from(TagField), _values),
    st.builds(Prefix, _prefixed, _prefix_values),
    st.builds(TimeRange, st.sampled_from(TimeField), _times, _times),
    st.builds(
        NumberRange,
        st.sampled_from(NumberField),
        st.sampled_from([None, -1e300, 0.0, 0.25, 0.3, 0.8999999761581421]),
        st.sampled_from([None, 0.0, 0.25, 0.8999999761581421, 1.0, float("inf")]),
    ),
    st.builds(Has, st.sampled_from([*TagField, *TimeField])),
    st.builds(Pinned, st.booleans()),
    st.builds(Untrusted, st.booleans()),
    st.builds(MetadataHas, _paths),
    st.builds(
        MetadataAnyOf, _paths, st.lists(st.sampled_from([*NASTY, ""]), min_size=1).map(tuple)
    ),
    st.builds(MetadataIs, _paths, st.booleans()),
    st.builds(MetadataRange, _paths, _numbers, _numbers),
)


def filters_of(conditions: st.SearchStrategy[Any]) -> st.SearchStrategy[Filter]:
    some = st.lists(conditions, max_size=2).map(tuple)
    return st.builds(Filter, some, some, some)


FILTERS = filters_of(st.recursive(LEAVES, filters_of, max_leaves=6))
VIEWS = st.builds(
    View,
    known=st.none() | st.integers(NOW - 5, NOW + 310) | st.sampled_from(TIMES),
    true=st.none() | st.sampled_from(TIMES),
    current=st.none() | st.sampled_from(TIMES),
)
SELECTIONS = st.builds(
    Selection,
    st.sampled_from([(ALICE,), (BOB,), (ALICE, SHARED), (ALICE, BOB, SHARED)]),
    st.sampled_from([FACTS, (MemoryType.MESSAGE,), tuple(MemoryType)]),
    FILTERS,
    st.just(View()) | VIEWS,
)
EVERY_OWNER = Selection((ALICE, BOB, SHARED), tuple(MemoryType))


def any_filter(rng: random.Random, depth: int, most: int = 64) -> Filter:
    """Return a filter of `most` conditions at most, which some memories match, more or less."""
    while _size(found := _tree(rng, depth)) > most:
        pass
    return found


def _tree(rng: random.Random, depth: int) -> Filter:
    def some() -> tuple[Any, ...]:
        return tuple(
            _tree(rng, depth - 1) if depth and rng.random() < 0.4 else _any_leaf(rng)
            for _ in range(25 if rng.random() < 0.03 else rng.choice([0, 0, 1, 1, 2, 3]))
        )

    return Filter(some(), some(), some())


def _size(condition: Any) -> int:
    if not isinstance(condition, Filter):
        return 1
    return sum(map(_size, (*condition.must, *condition.should, *condition.must_not)))


def _any_leaf(rng: random.Random) -> Any:
    memory = rng.choice(MEMORIES)
    path = rng.choice(PATHS)
    low, high = rng.sample([None, *NUMBERS], k=2)
    start, end = rng.sample([None, *TIMES, memory.created, memory.updated], k=2)
    first = tuple(rng.choice(MEMORIES[:5]).id for _ in range(2))
    kind = rng.choice([*Condition.__args__, "ids"])
    made = {
        "ids": lambda: AnyOf(TagField.ID, (memory.id, *first)),
        AnyOf: lambda: AnyOf(rng.choice([*TagField]), tuple(rng.choices(NASTY, k=3))),
        AllOf: lambda: AllOf(TagField.TOPIC, memory.topics or ("a",)),
        Prefix: lambda: Prefix(TagField.ID, memory.id[: rng.randrange(1, 4)]),
        TimeRange: lambda: TimeRange(rng.choice([*TimeField]), start, end),
        NumberRange: lambda: NumberRange(NumberField.CONFIDENCE, rng.choice([None, 0.25]), 0.9),
        Has: lambda: Has(rng.choice([*TagField, *TimeField])),
        Pinned: lambda: Pinned(rng.random() < 0.5),
        Untrusted: lambda: Untrusted(rng.random() < 0.5),
        MetadataHas: lambda: MetadataHas(path),
        MetadataAnyOf: lambda: MetadataAnyOf(path, tuple(rng.choices(NASTY, k=9))),
        MetadataIs: lambda: MetadataIs(path, rng.random() < 0.5),
        MetadataRange: lambda: MetadataRange(path, low, high),
        Filter: Filter,
    }
    return made[kind]()
