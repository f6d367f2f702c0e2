"""Everything that dashboards and alerts name exists in a running stack, and moves."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from extractor_service.llm.metrics import LlmMetrics
from tests.deploy.conftest import Day
from tests.deploy.rules import MONITORING, NO_PROMTOOL, alerts, promtool
from tests.support.prometheus import NO_PROMETHEUS

DASHBOARDS = sorted((MONITORING / "dashboards").glob("*.json"))

NAME = re.compile(r"\b(?:build_info|(?:grpc_server|memory|extractor|process)_[a-z_]+)\b")

STILL = {
    "memory_dead_letters": "nothing is given up; test_backlog_metrics.py",
    "memory_given_up_messages_total": "nothing is given up; test_pump.py",
    "memory_index_failures": "a defect; test_backlog_metrics.py",
    "memory_unembedded_memories": "the extractor is there; test_backlog_metrics.py",
    "memory_redis_errors_total": "Redis is there; test_redis_metrics.py",
    "memory_redis_connections_max": "a setting",
    "extractor_guarded_total": "no secret is said; test_guarding.py",
    "build_info": "always 1",
}
"""What stays as it is on a good day, and why."""

WITH_A_LANGUAGE_MODEL = {"extractor_llm_skipping"}
"""What is there only if a language model is configured; tests/extractor_service/llm tries it."""

COMES_AND_GOES = {
    "memory_delta_lag_notices",
    "memory_delta_lag_seconds",
    "extractor_rules_queue_depth",
    "extractor_embed_queue_depth",
    "memory_redis_connections",
}
"""What is back where it began when a day is over: Prometheus has seen it, or may have."""

OF_SPEED = {"MemoryServiceSlow", "RedisSlow"}
"""Alerts that a machine with too much to do rightly raises, so that only what they look at is
asked for; test_alerts.py has when they are raised."""


def panels() -> list[Any]:
    """Every panel of every dashboard, with a name that tells it from others."""
    return [
        pytest.param(panel, id=f"{path.stem}: {panel['title']}")
        for path in DASHBOARDS
        for panel in json.loads(path.read_text())["panels"]
    ]


def expressions() -> list[str]:
    of_panels = [t["expr"] for (panel,) in (p.values for p in panels()) for t in panel["targets"]]
    return of_panels + [rule["expr"] for rule in alerts()]


def named() -> set[str]:
    # What stands between quotation marks is a label's value.
    bare = (re.sub(r'"[^"]*"', "", expression) for expression in expressions())
    return {name for expression in bare for name in NAME.findall(expression)} - {"grpc_server"}


METRICS = sorted(name for name in named() if not name.startswith("grpc_method"))


EVERYBODYS = re.compile(r"\b(?:build_info|up|(?:grpc_server|process|python)_[a-z_]+)\b")
"""Metrics that other processes of a cluster have, too."""

ANOTHERS = (
    'instance="shop:80",service="shop",version="1",le="+Inf",'
    'grpc_service="shop.v1.Shop",grpc_method="Buy",grpc_type="unary",grpc_code="Internal"'
)


@pytest.mark.skipif(bool(NO_PROMTOOL), reason=NO_PROMTOOL)
def test_what_others_show_to_the_same_prometheus_is_in_no_panel_and_no_alert(
    tmp_path: Path,
) -> None:
    # That nothing of ours is there is an alert of its own.
    asked = [each for each in expressions() if not each.startswith("absent(")]
    names = {name for each in asked for name in EVERYBODYS.findall(each)}
    assert {"process_cpu_seconds_total", "build_info", "grpc_server_handled_total"} <= names
    series = [{"series": f"{name}{{{ANOTHERS}}}", "values": "0+1x30"} for name in sorted(names)]
    empty = [
        {"expr": each.replace("$__rate_interval", "5m"), "eval_time": "20m", "exp_samples": []}
        for each in asked
    ]
    tests = [{"interval": "1m", "input_series": series, "promql_expr_test": empty}]
    assert "SUCCESS" in promtool(tmp_path, "test", "rules", "tests.yaml", tests=tests)


def test_there_are_the_three_dashboards_that_are_promised() -> None:
    assert [path.stem for path in DASHBOARDS] == ["extraction", "overview", "search"]


@pytest.mark.parametrize("metric", METRICS)
async def test_every_metric_that_is_named_exists_and_moves(day: Day, metric: str) -> None:
    if metric in WITH_A_LANGUAGE_MODEL:
        assert metric in {family.name for family in _of_a_language_model()}
        return
    assert metric in day.names
    if metric not in STILL and metric not in COMES_AND_GOES:
        assert values(day.after, metric) != values(day.before, metric)


def _of_a_language_model() -> list[Any]:
    registry = CollectorRegistry()
    LlmMetrics(registry)
    return list(registry.collect())


def values(samples: Any, metric: str) -> dict[Any, float]:
    return {labels: value for (name, labels), value in samples.items() if name == metric}


def test_what_stays_still_is_named_somewhere() -> None:
    assert set(STILL) | COMES_AND_GOES <= set(METRICS)


@pytest.mark.skipif(bool(NO_PROMETHEUS), reason=NO_PROMETHEUS)
@pytest.mark.parametrize("panel", panels())
async def test_every_panel_shows_something_after_a_day(day: Day, panel: dict[str, Any]) -> None:
    assert day.prometheus
    for target in panel["targets"]:
        found = await day.prometheus.query(target["expr"].replace("$__rate_interval", "5m"))
        assert found or NAME.search(target["expr"])[0] in STILL, target["expr"]  # type: ignore[index]


@pytest.mark.skipif(bool(NO_PROMETHEUS), reason=NO_PROMETHEUS)
@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
async def test_no_alert_is_raised_by_a_good_day(day: Day, rule: dict[str, Any]) -> None:
    assert day.prometheus
    if rule["alert"] in OF_SPEED:
        measured, _, _ = rule["expr"].rpartition(">")
        assert await day.prometheus.query(measured)
    else:
        assert await day.prometheus.query(rule["expr"]) == []


def test_no_metric_of_ours_has_an_id_for_a_label(day: Day) -> None:
    ours = {labels for (name, labels) in day.after if name.startswith(("memory_", "extractor_"))}
    names = {label for labels in ours for label, _ in labels}
    allowed = {"outcome", "purpose", "command", "pipelined", "error", "state", "mode", "degraded"}
    assert names <= allowed | {"stage", "decision", "kind", "reason", "attempt", "cache", "le"}
    texts = " ".join(value for labels in ours for _, value in labels).lower()
    assert not {"alice", "bob", "cello", "chat"} & set(re.findall(r"\w+", texts))


def test_monitoring_folder_has_nothing_that_kustomize_does_not_take() -> None:
    listed = (MONITORING / "kustomization.yaml").read_text()
    for path in MONITORING.rglob("*.*"):
        if path.suffix in {".yaml", ".json"} and path.name != "kustomization.yaml":
            assert str(path.relative_to(MONITORING)) in listed
