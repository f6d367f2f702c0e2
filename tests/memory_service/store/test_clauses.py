from __future__ import annotations

import pytest
from redis.asyncio import Redis

from memory_service.store.clauses import WIDEST, Clause, all_of, any_of, intersection

A, B, C = Clause("a"), Clause("b"), Clause("c")


def test_a_negation_of_a_negation_cancels_out() -> None:
    assert A.inverse.inverse == A
    assert str(A.inverse) == "-(a)"
    assert all_of([all_of([A])]) == A


def test_what_holds_together_is_the_negation_of_a_union() -> None:
    assert str(all_of([A, B.inverse])) == "-((b|(-(a)))=>{$weight:0})"
    assert str(all_of([A, B])) == "(a b)"
    assert str(all_of([A.inverse, B.inverse])) == "-((a|b)=>{$weight:0})"


def test_what_is_negated_in_a_union_stands_in_one_negation() -> None:
    found = str(any_of([A, B.inverse, C.inverse]))
    assert found == "(a|(-((b c))))=>{$weight:0}"
    assert str(any_of([A.inverse, B.inverse])) == "-((a b))"


def test_an_intersection_with_a_negation_is_refused() -> None:
    with pytest.raises(AssertionError, match="loses"):
        intersection([A, B.inverse])
    with pytest.raises(AssertionError, match="empty"):
        intersection([])


@pytest.mark.parametrize("count", [1, 2, WIDEST, WIDEST + 1, WIDEST**2 + 5])
def test_no_union_is_wide(count: int) -> None:
    found = str(any_of([Clause(f"x{n}") for n in range(count)]))
    innermost = found.replace("=>{$weight:0}", "").split(")")
    assert all(part.count("|") <= WIDEST for part in innermost)
    assert found.count("x") == count


async def test_the_engine_still_goes_astray_where_these_do_not(bare_redis: Redis) -> None:
    """If this fails, the engine has been mended, and clauses may be written as they are meant."""
    schema = ("ON", "HASH", "PREFIX", "1", "am:mem:", "SCHEMA", "t", "TAG", "k", "TAG")
    await bare_redis.execute_command("FT.CREATE", "am:index:odd", *schema)
    for n in range(1, 13):
        key = f"am:mem:{{0}}:t:n:u:x:{n}"
        await bare_redis.hset(key, mapping={"t": f"v{n}", "k": "o" if n % 2 else "e"})
    nine, odd, first = Clause("@t:{v9}"), Clause("@k:{o}"), Clause("@t:{v1}")
    ours = any_of([nine, all_of([odd, first.inverse])])
    assert await _count(bare_redis, f"@k:{{o}} {ours}") == 5
    plain = "(@t:{v9}|(@k:{o} -@t:{v1}))"
    assert await _count(bare_redis, f"@k:{{o}} {plain}") < 5


async def _count(redis: Redis, query: str) -> int:
    reply = await redis.execute_command(
        "FT.SEARCH", "am:index:odd", query, "NOCONTENT", "DIALECT", "2"
    )
    return int(reply[b"total_results"])
