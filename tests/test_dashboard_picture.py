"""The picture of the dashboards has what their JSON asks for, and shows where there is nothing."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from PIL import Image

from tests.benchmarks.dashboards import picture
from tests.benchmarks.dashboards.__main__ import MAIN, traffic
from tests.benchmarks.dashboards.panels import (
    FOLDER,
    Panel,
    Query,
    Series,
    all_panels,
    fetch,
    without_data,
)

START, END = 1000.0, 1100.0
ROOT = Path(__file__).parents[1]


async def answered(expression: str) -> list[dict[str, Any]]:
    """What Prometheus might say: two series, one of which is no number at times."""
    values = [[START + second, str(second % 7)] for second in range(0, 100, 2)]
    broken = [*values[:5], [START + 50, "NaN"], [START + 52, "+Inf"]]
    return [
        {"metric": {"outcome": "ok", "grpc_method": "SearchMemories"}, "values": values},
        {"metric": {"outcome": "failed"}, "values": broken},
    ]


async def silent(expression: str) -> list[dict[str, Any]]:
    return [{"metric": {}, "values": [[START, "NaN"]]}]


def test_every_panel_of_every_dashboard_is_read_with_all_its_queries() -> None:
    boards = [json.loads(path.read_text()) for path in FOLDER.glob("*.json")]
    asked = [target["expr"] for board in boards for p in board["panels"] for target in p["targets"]]
    read = [query.expression for panel in all_panels() for query in panel.queries]
    assert len(read) == len(asked) > 40
    assert not [expression for expression in read if "$" in expression]
    titles = {(board["title"], panel["title"]) for board in boards for panel in board["panels"]}
    assert {(panel.dashboard, panel.title) for panel in all_panels()} == titles


def test_the_main_panels_are_panels() -> None:
    there = {(panel.dashboard, panel.title) for panel in all_panels()}
    assert {(board, title) for board, titles in MAIN.items() for title in titles} <= there


async def test_a_legend_is_filled_in_and_what_is_no_number_is_a_gap() -> None:
    panel = Panel("board", "title", "ops", (Query("up", "{{outcome}} of {{ grpc_method }}"),))
    whole, broken = await fetch(panel, answered)
    assert (whole.name, len(whole.values)) == ("ok of SearchMemories", 50)
    assert broken.name == "failed of"
    assert [math.isfinite(value) for value in broken.values] == [*[True] * 5, False, False]


async def test_every_panel_is_drawn_in_few_bytes(tmp_path: Path) -> None:
    drawn = {panel: await fetch(panel, answered) for panel in all_panels()}
    path = tmp_path / "new" / "dashboards.png"
    picture.draw(path, drawn, START, END)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size < 400_000
    with Image.open(path) as image:
        assert image.width > 1000
    assert without_data(drawn) == []


async def test_a_panel_without_data_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[str] = []
    saved = Figure.savefig

    def saving(figure: Figure, *where: Any, **how: Any) -> None:
        axes = itertools.chain.from_iterable(part.axes for part in figure.subfigs)
        texts.extend(text.get_text() for each in axes for text in each.texts)
        saved(figure, *where, **how)

    monkeypatch.setattr(Figure, "savefig", saving)
    empty, full = all_panels()[:2]
    drawn: dict[Panel, list[Series]] = {
        empty: await fetch(empty, silent),
        full: await fetch(full, answered),
    }
    picture.draw(tmp_path / "dashboards.png", drawn, START, END)
    assert without_data(drawn) == [empty]
    assert texts == ["No data"]


def test_the_traffic_is_that_of_the_benchmark() -> None:
    names = {case.name for case in traffic()}
    assert {"append", "read 20 of 20", "create", "search hybrid", "flush", "embed"} <= names
    assert not {"echo RPC", "Redis XADD"} & names


def test_the_picture_of_the_docs_is_there_and_small() -> None:
    assert (ROOT / "docs" / "dashboards.png").stat().st_size < 400_000
