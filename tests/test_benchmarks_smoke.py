"""`make bench` with tiny numbers: that it works, not how fast anything is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.benchmarks.measure import Sample, percentile, ratio, summarise
from tests.benchmarks.picture import curve
from tests.benchmarks.plan import cases
from tests.support.commands import outcome

pytestmark = pytest.mark.timeout(300)  # a whole stack starts, with its models

TINY = ("--seconds", "0.02", "--rounds", "1", "--memories", "100")


@dataclass(frozen=True)
class Ran:
    status: int
    printed: str
    complaints: str
    document: dict[str, Any]
    picture: bytes


async def run(*arguments: str) -> tuple[int, str, str]:
    return await outcome("tests.benchmarks", *arguments, COLUMNS="200")


@pytest.fixture(scope="module")
async def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    out = tmp_path_factory.mktemp("benchmark") / "new" / "result.json"
    status, printed, complaints = await run(*TINY, "--out", str(out))
    assert status == 0, complaints
    picture = out.with_suffix(".png").read_bytes()
    return Ran(status, printed, complaints, json.loads(out.read_text()), picture)


async def test_every_case_is_measured_and_written(ran: Ran) -> None:
    written = [(case["name"], case["concurrency"]) for case in ran.document["cases"]]
    assert written == [(case.name, case.concurrency) for case in cases()]
    assert all(case["rate"] > 0 and case["calls"] > 0 for case in ran.document["cases"])
    assert ran.document["settings"] == {"seconds": 0.02, "rounds": 1, "memories": 100}


async def test_every_operation_of_the_product_is_compared_with_a_baseline(ran: Ran) -> None:
    for case in ran.document["cases"]:
        assert case["baseline"] == (case["ratios"] == {}), case["name"]
        assert all(value > 0 for value in case["ratios"].values())


async def test_a_person_gets_a_table_with_the_ratios(ran: Ran) -> None:
    (line,) = (line for line in ran.printed.splitlines() if line.split()[:2] == ["append", "16"])
    assert "of echo RPC" in line
    assert "of Redis XADD" in line
    assert ran.complaints == ""


async def test_the_latencies_are_drawn_beside_the_figures(ran: Ran) -> None:
    assert ran.picture.startswith(b"\x89PNG")


async def test_nonsense_is_refused_before_anything_starts() -> None:
    status, printed, complaints = await run("--rounds", "0")
    assert (status, printed) == (2, "")
    assert "must be positive" in complaints


def test_baselines_are_named_as_they_are_measured() -> None:
    baselines = {case.name for case in cases() if case.is_baseline}
    assert {name for case in cases() for name in case.against} == baselines


def test_a_rate_counts_units_and_is_the_median_of_the_rounds() -> None:
    rounds = [Sample(1.0, (0.5,) * n, units=32) for n in (2, 1, 9)]
    assert summarise(rounds).rate == 64
    assert summarise(rounds).rates == (64, 32, 288)


def test_a_ratio_is_taken_within_each_round() -> None:
    ours = [Sample(1.0, (0.1,) * n) for n in (50, 5, 50)]
    theirs = [Sample(1.0, (0.1,) * n) for n in (100, 10, 100)]
    assert ratio(ours, theirs) == 0.5


def test_a_p99_is_not_given_for_fewer_than_a_hundred_calls() -> None:
    assert summarise([Sample(1.0, (0.1,) * 99)]).p99 is None
    assert summarise([Sample(1.0, (0.1,) * 50), Sample(1.0, (0.1,) * 50)]).p99 == 0.1


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], 50) == 2.0
    assert percentile([4.0, 1.0, 3.0, 2.0], 99) == 4.0


def test_a_curve_rises_to_the_slowest_call() -> None:
    assert curve([0.004, 0.001, 0.002, 0.003]) == ([1.0, 0.75, 0.5, 0.25], [1.0, 2.0, 3.0, 4.0])
