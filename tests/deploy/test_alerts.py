"""Every alert fires when it should, is silent when it should, and tells where help is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.rules import MONITORING, NO_PROMTOOL, alerts, promtool

needs_promtool = pytest.mark.skipif(bool(NO_PROMTOOL), reason=NO_PROMTOOL)

ROOT = Path(__file__).parents[2]
RUNBOOK = ROOT / "docs" / "runbook.md"

Series = dict[str, str]
"""Values by series, a minute apart, in promtool's notation: first+step x count."""

HANDLED = 'grpc_server_handled_total{grpc_service="agentmemory.v1.MemoryService",grpc_code="%s"}'
HANDLING = (
    'grpc_server_handling_seconds_bucket{grpc_service="agentmemory.v1.MemoryService",'
    'grpc_type="unary",grpc_method="%s",le="%s"}'
)
LONG = (
    *("FlushSession", "PutWorkingMemory", "DeleteWorkingMemory"),
    *("DeleteMemories", "ForgetMemories", "EraseUser"),
)
"""Methods that extract first, or go through all that an owner has."""

EMBEDS = 'memory_embed_calls_total{purpose="query",outcome="%s"}'
REDIS = 'memory_redis_command_seconds_bucket{command="%s",le="%s"}'
UP = "1x90"

CASES: dict[str, tuple[Series, Series]] = {
    "MemoryServiceDown": (
        {'build_info{service="extractor"}': UP},
        {'build_info{service="memory"}': UP},
    ),
    "ExtractorServiceDown": (
        {'build_info{service="memory"}': UP},
        {'build_info{service="extractor"}': UP},
    ),
    "MemoryServiceErrors": (
        {HANDLED % "OK": "0+97x90", HANDLED % "Internal": "0+3x90"},
        # The caller's own faults are none of ours.
        {HANDLED % "OK": "0+97x90", HANDLED % "InvalidArgument": "0+90x90"},
    ),
    "MemoryServiceSlow": (
        {HANDLING % ("GetMemory", "2.5"): "0+90x90", HANDLING % ("GetMemory", "+Inf"): "0+100x90"},
        {
            **{HANDLING % ("GetMemory", le): "0+100x90" for le in ("0.1", "2.5", "+Inf")},
            **{HANDLING % (method, le): "0x90" for method in LONG for le in ("0.1", "2.5")},
            **{HANDLING % (method, "+Inf"): "0+100x90" for method in LONG},
        },
    ),
    "ExtractionLags": (
        # Every replica shows the same: one that has not looked for a while hides nothing.
        {
            'memory_delta_lag_seconds{pod="a"}': "400x90",
            'memory_delta_lag_seconds{pod="b"}': "0x90",
        },
        {'memory_delta_lag_seconds{pod="a"}': "30x90"},
    ),
    "MessagesGivenUp": (
        {"memory_given_up_messages_total": "0x60 1x60"},
        {"memory_given_up_messages_total": "7x120"},
    ),
    "ExtractionDefect": (
        {'memory_extraction_steps_total{outcome="failed"}': "0+1x90"},
        {
            'memory_extraction_steps_total{outcome="failed"}': "3x90",
            'memory_extraction_steps_total{outcome="unavailable"}': "0+9x90",
        },
    ),
    "VectorsMissing": (
        {"memory_unembedded_memories": "5000x90"},
        # A large import that is being made up for.
        {"memory_unembedded_memories": "5000-500x10 0x80"},
    ),
    "VectorsUnavailable": (
        {EMBEDS % "ok": "0+4x90", EMBEDS % "UNAVAILABLE": "0+6x90"},
        {EMBEDS % "ok": "0+96x90", EMBEDS % "UNAVAILABLE": "0+4x90"},
    ),
    "OtherModel": (
        {EMBEDS % "ok": "0+9x90", EMBEDS % "model": "0+1x90"},
        {EMBEDS % "ok": "0+9x90", EMBEDS % "model": "5x90"},
    ),
    "IndexRefuses": ({"memory_index_failures": "1x90"}, {"memory_index_failures": "0x90"}),
    "RedisSlow": (
        {
            REDIS % ("ft.search", "0.25"): "0+90x90",
            REDIS % ("ft.search", "1"): "0+100x90",
            REDIS % ("ft.search", "+Inf"): "0+100x90",
        },
        {
            REDIS % ("ft.search", "0.25"): "0+100x90",
            REDIS % ("ft.search", "+Inf"): "0+100x90",
            REDIS % ("xreadgroup", "0.25"): "0x90",
            REDIS % ("xreadgroup", "+Inf"): "0+60x90",
        },
    ),
    "RedisErrors": (
        {'memory_redis_errors_total{error="ConnectionError"}': "0+60x90"},
        {'memory_redis_errors_total{error="NoScriptError"}': "0+60x90"},
    ),
    "RedisConnectionsUsedUp": (
        {
            'memory_redis_connections{state="used",instance="a"}': "63x90",
            'memory_redis_connections_max{instance="a"}': "64x90",
        },
        {
            'memory_redis_connections{state="used",instance="a"}': "20x90",
            'memory_redis_connections{state="idle",instance="a"}': "44x90",
            'memory_redis_connections_max{instance="a"}': "64x90",
        },
    ),
    "ExtractorOverloaded": (
        {'extractor_extractions_total{outcome="overloaded"}': "0+6x90"},
        {'extractor_extractions_total{outcome="ok"}': "0+6x90"},
    ),
    "LanguageModelSkipped": (
        {"extractor_llm_skipping": "1x90"},
        {"extractor_llm_skipping": "0x90"},
    ),
}
"""For every alert: series with which it fires, and series with which it must not."""

ALERTS = {rule["alert"]: rule for rule in alerts()}


@needs_promtool
def test_prometheus_takes_the_rules(tmp_path: Path) -> None:
    assert f"{len(ALERTS)} rules found" in promtool(tmp_path, "check", "rules", "rules.yaml")


def test_every_alert_is_tried() -> None:
    assert set(CASES) == set(ALERTS)


@needs_promtool
def test_every_alert_fires_when_it_should_and_is_silent_when_it_should(tmp_path: Path) -> None:
    tests = []
    for name, (bad, good) in CASES.items():
        # Up to 75 minutes: after the longest "for", and within the hour of what was given up.
        tests += [tried(name, bad, fires=True), tried(name, good, fires=False)]
    assert "SUCCESS" in promtool(tmp_path, "test", "rules", "tests.yaml", tests=tests)


def tried(name: str, series: Series, *, fires: bool) -> dict[str, Any]:
    # Annotations hold the value, which promtool would want spelled out: the query asks instead.
    query = f'count(ALERTS{{alertname="{name}",alertstate="firing"}})'
    samples = [{"labels": "{}", "value": 1}] if fires else []
    return {
        "name": f"{name} {'fires' if fires else 'is silent'}",
        "interval": "1m",
        "input_series": [{"series": key, "values": values} for key, values in series.items()],
        "promql_expr_test": [{"expr": query, "eval_time": "75m", "exp_samples": samples}],
    }


def test_who_is_told_to_allow_more_time_raises_no_alert_and_is_not_in_the_panel() -> None:
    config = json.loads((ROOT / "deploy" / "client" / "service_config.json").read_text())
    without = [each["name"] for each in config["methodConfig"] if "timeout" not in each]
    streams = {"WatchMemories", "ExportMemories"}
    assert {name["method"] for names in without for name in names} - streams <= set(LONG)
    left_out = f'grpc_method!~"{"|".join(LONG)}"'
    assert left_out in ALERTS["MemoryServiceSlow"]["expr"]
    overview = json.loads((MONITORING / "dashboards" / "overview.json").read_text())
    (panel,) = [p for p in overview["panels"] if p["title"] == "Latency of unary RPCs"]
    assert all(left_out in target["expr"] for target in panel["targets"])
    (section,) = re.findall(r"^## MemoryServiceSlow$(.*?)^## ", RUNBOOK.read_text(), re.S | re.M)
    assert set(LONG) <= set(re.findall(r"`(\w+)`", section))


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_says_how_bad_it_is_what_it_is_and_where_help_is(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"].endswith(".")
    path, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert path == "docs/runbook.md"
    assert anchor in sections()


def test_every_section_of_the_runbook_is_of_an_alert_and_its_links_lead_somewhere() -> None:
    assert sections() == {name.lower() for name in ALERTS}
    text = RUNBOOK.read_text()
    assert set(re.findall(r"\]\(#(\w+)\)", text)) <= sections()
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (RUNBOOK.parent / link).exists(), link


def sections() -> set[str]:
    return {title.lower() for title in re.findall(r"^## (\w+)$", RUNBOOK.read_text(), re.MULTILINE)}
