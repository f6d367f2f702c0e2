"""`make bench-scaling` on little: that it works; and that the guide says what was measured."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.benchmarks.scaling import costs, growth, manifests
from tests.benchmarks.scaling.__main__ import DOCS
from tests.benchmarks.scaling.page import parts, rewritten
from tests.benchmarks.scaling.tables import SERVICES, tables
from tests.support.commands import outcome

PAGE = DOCS / "scaling.md"
FIGURES = DOCS / "scaling.json"


@pytest.fixture(scope="module")
async def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    folder = tmp_path_factory.mktemp("scaling")
    out, page = folder / "new" / "scaling.json", folder / "scaling.md"
    page.write_text(PAGE.read_text())
    status, _, complaints = await outcome(
        *("tests.benchmarks.scaling", "--quick", "--out", str(out), "--page", str(page))
    )
    assert status == 0, complaints
    return json.loads(out.read_text()), page.read_text()


@pytest.mark.timeout(600)  # three extractors and four memory services start
async def test_everything_is_measured(measured: tuple[dict[str, Any], str]) -> None:
    found, page = measured
    assert [cost["name"] for cost in found["costs"]] == [work.name for work in costs.WORK]
    assert all(cost["rate"] > 0 and set(cost["cpu"]) <= set(SERVICES) for cost in found["costs"])
    created, appended, extracted = found["holdings"]
    assert created["memories"] == 1 > appended["memories"] == 0
    assert extracted["memories"] > 1
    assert min(held["bytes"] for held in found["holdings"]) > 100
    assert len(found["growth"]) == sum(len(work.on) for work in growth.WORK)
    assert all(each["rate"] > 0 for each in found["growth"])
    owns = [asked["own"] for asked in found["owners"]]
    assert owns == sorted(owns)
    assert {each["process"] for each in found["footprints"]} == set(SERVICES)
    assert found["connections"]["opened"] > 1
    assert page == rewritten(PAGE.read_text(), tables(found))


def test_the_guide_says_what_its_figures_say() -> None:
    assert PAGE.read_text() == rewritten(PAGE.read_text(), tables(json.loads(FIGURES.read_text())))


def test_every_table_has_its_place_in_the_guide() -> None:
    assert sorted(parts(PAGE.read_text())) == sorted(tables(json.loads(FIGURES.read_text())))


def test_what_stands_between_the_markers_is_replaced_and_nothing_else() -> None:
    page = "before\n<!-- measured: some-part -->\nold\n\nold\n<!-- end -->\nafter\n"
    new = rewritten(page, {"some-part": "\nnew\n"})
    assert new == "before\n<!-- measured: some-part -->\nnew\n<!-- end -->\nafter\n"
    assert rewritten(new, {"some-part": "new"}) == new


@pytest.mark.parametrize(
    ("quantity", "size"), [("256Mi", 256 * 2**20), ("4Gi", 4 * 2**30), ("3gb", 3 * 2**30)]
)
def test_quantities_of_the_manifests_are_read(quantity: str, size: int) -> None:
    assert manifests.in_bytes(quantity) == size


def test_the_manifests_leave_every_process_half_of_its_memory() -> None:
    for each in json.loads(FIGURES.read_text())["footprints"]:
        _, limit = manifests.memory_of(each["process"])
        assert each["most"] < manifests.in_bytes(limit) / 2, each["process"]


def test_an_extractor_that_keeps_up_is_no_reason_for_another() -> None:
    """What it extracts in the time that a session may take to be quiet waits in any case."""
    (flush,) = (c for c in json.loads(FIGURES.read_text())["costs"] if c["name"] == "flush")
    turns = manifests.extractor_cpus() / flush["cpu"]["ExtractorService"]
    quiet_seconds = 2.0
    assert manifests.lag_threshold() > turns * quiet_seconds
