"""The panels of the dashboards as Grafana would ask for them: their JSON is read, not copied."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[3] / "deploy" / "components" / "monitoring" / "dashboards"

RATE_INTERVAL = "10s"
"""Grafana takes four scrapes at least; here a scrape comes every second, gauges every five."""

_LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")

Matrix = list[dict[str, Any]]
"""What Prometheus answers to a query over a range of time."""

Ask = Callable[[str], Awaitable[Matrix]]


@dataclass(frozen=True)
class Query:
    """What is asked, and the legend of each series that is answered."""

    expression: str
    legend: str

    def name(self, labels: Mapping[str, str]) -> str:
        """Return the legend of the series with these labels."""
        return _LABEL.sub(lambda found: labels.get(found[1], ""), self.legend).strip()


@dataclass(frozen=True)
class Panel:
    """A panel of a dashboard."""

    dashboard: str
    title: str
    unit: str
    queries: tuple[Query, ...]


@dataclass(frozen=True)
class Series:
    """A curve: when and what; where it is no number, not a number (NaN): a gap."""

    name: str
    times: tuple[float, ...]
    values: tuple[float, ...]


def all_panels() -> list[Panel]:
    """Return every panel of every dashboard, in the order in which Grafana shows them."""
    return [
        panel
        for name in ("overview", "extraction", "search")
        for panel in _panels(json.loads((FOLDER / f"{name}.json").read_text()))
    ]


def _panels(dashboard: Mapping[str, Any]) -> list[Panel]:
    return [
        Panel(
            dashboard["title"],
            panel["title"],
            panel["fieldConfig"]["defaults"]["unit"],
            tuple(_query(target) for target in panel["targets"]),
        )
        for panel in dashboard["panels"]
    ]


def _query(target: Mapping[str, str]) -> Query:
    expression = target["expr"].replace("$__rate_interval", RATE_INTERVAL)
    assert "$" not in expression, f"a variable that nobody replaces: {expression}"
    return Query(expression, target["legendFormat"])


async def fetch(panel: Panel, ask: Ask) -> list[Series]:
    """Return the curves of a panel; none of those that never are a number."""
    found = [
        _series(query, each) for query in panel.queries for each in await ask(query.expression)
    ]
    return [series for series in found if any(map(math.isfinite, series.values))]


def _series(query: Query, answer: Mapping[str, Any]) -> Series:
    values = (float(value) for _, value in answer["values"])
    return Series(
        query.name(answer["metric"]),
        tuple(float(when) for when, _ in answer["values"]),
        tuple(value if math.isfinite(value) else math.nan for value in values),
    )


def without_data(drawn: Mapping[Panel, Sequence[Series]]) -> list[Panel]:
    """Return the panels that show nothing."""
    return [panel for panel, series in drawn.items() if not series]
