from __future__ import annotations

import pytest
from agentmemory.v1 import memory_pb2 as pb
from google.protobuf.duration_pb2 import Duration

from memory_service.domain.boosts import Boosts
from memory_service.domain.errors import InvalidField
from memory_service.domain.memory import MemoryType
from memory_service.domain.ranking import Ranked, Reasons, Signal, Weights
from memory_service.domain.search import Arm, Found, SearchMode, Selection, View
from memory_service.domain.searching import Hit, SearchQuery, SearchResult
from memory_service.domain.signals import signals_of
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
        ({"recency": pb.RecencyBoost(weight=-1)}, "options.recency.weight"),
        ({"recency": pb.RecencyBoost(weight=11)}, "options.recency.weight"),
        ({"recency": pb.RecencyBoost(half_life=Duration())}, "options.recency.half_life"),
        ({"importance_weight": float("nan")}, "options.importance_weight"),
        ({"max_tokens": -1}, "options.max_tokens"),
        ({"max_tokens": 10_000_001}, "options.max_tokens"),
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


@pytest.mark.parametrize("text", ["", " \n"])
def test_a_query_may_be_left_out_where_it_is_not_required(text: str):
    bare = pb.SearchOptions()
    found = searches.query("acme", SCOPE, text, bare, limit=5, now=NOW, required=False)
    assert found.text == text


def test_boosts_have_defaults_and_a_budget_is_none_unless_given():
    assert query().boosts == Boosts()
    assert query(recency=pb.RecencyBoost()).boosts == Boosts(recency=0.2)
    half_life = Duration(seconds=60)
    given = query(
        recency=pb.RecencyBoost(weight=1, half_life=half_life),
        importance_weight=2,
        collapse_duplicates=True,
        max_tokens=7,
    )
    assert given.boosts == Boosts(1, 60_000_000, 2)
    assert (given.collapse, given.token_budget, query().token_budget) == (True, 7, None)


def shown(hit: Hit, *, explain: bool) -> pb.SearchHit:
    (only,) = searches.to_proto(SearchResult((hit,), False, 1), explain=explain).hits
    return only


def test_a_hit_explains_itself_only_when_asked():
    found = Found(("alice", "m"), 0.5, (), signals_of(make("m")))
    features = {"meaning": [0.9, 0.5], "words": [0.1, 0.0]}
    reasons = Reasons(features, Weights(-3, {"meaning": 2.0}), 50)
    boosts = (Signal("recency", 0.25, 0.2),)
    ranked = Ranked(found, 0.75, {Arm.SEMANTIC: [found]}, reasons, 1, boosts)
    found_memory = Hit(make("m"), ranked)
    assert not shown(found_memory, explain=False).HasField("explanation")
    hit = shown(found_memory, explain=True)
    assert (hit.memory.id, hit.score) == ("m", 0.75)
    assert hit.explanation == pb.ScoreExplanation(
        arms=[pb.ArmScore(arm="semantic", rank=1, raw=0.5, normalized=0.5, weight=2.0)],
        signals=[
            pb.ScoreSignal(name="bias", value=1, weight=-3),
            pb.ScoreSignal(name="meaning", value=0.5, weight=2.0),
        ],
        boosts=[pb.ScoreSignal(name="recency", value=0.25, weight=0.2)],
    )


def test_a_single_arm_explains_the_score_by_its_own_measure():
    found = Found(("alice", "m"), -0.5, (), signals_of(make("m")))
    before = [Found(("alice", id_), 0.5, (), found.signals) for id_ in ("n", "o")]
    ranked = Ranked(found, 0.0, {Arm.SEMANTIC: [*before, found]})
    hit = shown(Hit(make("m"), ranked), explain=True)
    assert list(hit.explanation.arms) == [
        pb.ArmScore(arm="semantic", rank=3, raw=-0.5, normalized=0.0, weight=1.0)
    ]
