from __future__ import annotations

import pytest
from agentmemory.v1 import memory_pb2 as pb

from memory_service.domain.errors import InvalidField
from memory_service.domain.fusion import ArmScore, Fused
from memory_service.domain.memory import MemoryType
from memory_service.domain.search import Arm, SearchMode, Selection, View
from memory_service.search import SearchQuery
from memory_service.translate import searches
from tests.support.memories import ALICE, SHARED, make

NOW = 1_700_000_000_000_000
CURRENT = Selection((ALICE,), view=View(current=NOW))
SCOPE = pb.Scope(namespace="app", user_id="alice")


def query(text: str = "tea", scope: pb.Scope = SCOPE, **options: object) -> SearchQuery:
    return searches.query("acme", scope, text, pb.SearchOptions(**options), limit=5, now=NOW)


def test_a_bare_search_is_hybrid_and_for_the_owners_own_facts():
    assert query() == SearchQuery("tea", SearchMode.HYBRID, CURRENT, 5)


def test_all_options_are_taken_over():
    found = query(
        mode=pb.SEARCH_MODE_KEYWORD,
        visibility=pb.VISIBILITY_OWN_AND_SHARED,
        types=[pb.MEMORY_TYPE_MESSAGE],
        min_score=0.5,
        min_revision=7,
    )
    assert found.mode is SearchMode.KEYWORD
    assert found.selection.owners == (ALICE, SHARED)
    assert found.selection.types == (MemoryType.MESSAGE,)
    assert (found.min_score, found.min_revision) == (0.5, 7)


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"mode": 9}, "options.mode"),
        ({"min_score": -0.1}, "options.min_score"),
        ({"min_score": 1.1}, "options.min_score"),
        ({"min_score": float("nan")}, "options.min_score"),
        ({"types": [0]}, "options.types[0]"),
        ({"filter": pb.Filter(must=[pb.Condition()])}, "options.filter.must[0]"),
        ({"visibility": 9}, "options.visibility"),
        ({"as_of": pb.AsOf()}, "options.as_of"),
    ],
)
def test_the_option_at_fault_is_named(options: dict[str, object], path: str):
    with pytest.raises(InvalidField) as caught:
        query(**options)
    assert caught.value.path == path


@pytest.mark.parametrize("text", ["", " \n", "x" * (32 * 1024 + 1)])
def test_a_query_is_required_and_bounded(text: str):
    with pytest.raises(InvalidField, match=r"^query: "):
        query(text)


def test_a_hit_explains_itself_only_when_asked():
    found = Fused(make("m"), 0.75, (ArmScore(Arm.SEMANTIC, 1, 0.5, 1.5, 0.25),))
    assert not searches.hit(found, explain=False).HasField("explanation")
    hit = searches.hit(found, explain=True)
    assert (hit.memory.id, hit.score) == ("m", 0.75)
    assert list(hit.explanation.arms) == [
        pb.ArmScore(arm="semantic", rank=1, raw=0.5, normalized=1.5, weight=0.25)
    ]
