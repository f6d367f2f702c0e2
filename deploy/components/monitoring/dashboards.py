"""Write the Grafana dashboards of this folder: `python deploy/components/monitoring/dashboards.py`.

A dashboard is rows of panels, a panel a title, a unit and queries with legends; the rest of the
JSON that Grafana wants is the same for all. `--check` writes nothing and fails if files are stale.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "dashboards"
WIDTH, HEIGHT = 8, 7
"""A panel's size in Grafana's grid, which is 24 wide."""

MEMORY = 'grpc_service="agentmemory.v1.MemoryService"'
EXTRACTOR = 'grpc_service="agentmemory.v1.ExtractorService"'
FAULTS = 'grpc_code=~"Internal|Unknown|Unavailable|DataLoss"'
LONG = "FlushSession|PutWorkingMemory|DeleteWorkingMemory|DeleteMemories|ForgetMemories|EraseUser"
HIT = 'outcome="hit"'
DEGRADED = 'degraded="true"'
PROCESSES = 'build_info{service=~"memory|extractor"}'
OF_OURS = f"* on (instance) group_left (service) {PROCESSES}"
"""Behind what every process shows to Prometheus: leaves those of others out."""
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True)
class Panel:
    """A graph of queries, each with its legend."""

    title: str
    unit: str
    queries: dict[str, str]
    description: str = ""


def rate(metric: str, labels: str = "", *, by: str = "") -> str:
    """What a counter gains a second, over all pods."""
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{{{labels}}}[$__rate_interval]))"


def share(metric: str, some: str, all_: str = "") -> str:
    """Which part of what a counter gains has the labels `some`; 0 if nothing has."""
    part = rate(metric, f"{all_},{some}" if all_ else some)
    return f"({part} or vector(0)) / {rate(metric, all_)}"


def quantile(share: float, metric: str, labels: str = "", *, by: str = "") -> str:
    """What this share of a histogram's observations does not exceed."""
    grouped = rate(f"{metric}_bucket", labels, by=f"le, {by}" if by else "le")
    return f"histogram_quantile({share}, {grouped})"


def times(title: str, metric: str, labels: str = "", *, by: str = "", text: str = "") -> Panel:
    """Median and 99th percentile of a histogram in seconds."""
    legend = f" {{{{{by}}}}}" if by else ""
    queries = {
        f"p{share * 100:.0f}{legend}": quantile(share, metric, labels, by=by)
        for share in (0.5, 0.99)
    }
    return Panel(title, "s", queries, text)


OVERVIEW = [
    Panel(
        "RPCs",
        "reqps",
        {"{{grpc_method}}": rate("grpc_server_handled_total", MEMORY, by="grpc_method")},
    ),
    Panel(
        "Errors",
        "percentunit",
        {
            "MemoryService": share("grpc_server_handled_total", FAULTS, MEMORY),
            "ExtractorService": share("grpc_server_handled_total", FAULTS, EXTRACTOR),
        },
        "Share of RPCs that failed by no fault of the caller.",
    ),
    times(
        "Latency of unary RPCs",
        "grpc_server_handling_seconds",
        f'{MEMORY},grpc_type="unary",grpc_method!~"{LONG}"',
        text="Without those that extract first, or go through all that an owner has.",
    ),
    Panel("Messages that wait", "short", {"notices": "max(memory_delta_lag_notices)"}),
    Panel("Age of the oldest", "s", {"oldest": "max(memory_delta_lag_seconds)"}),
    times("Append until searchable", "memory_searchable_lag_seconds"),
    Panel(
        "Given up and without vector",
        "short",
        {
            "dead letters": "max(memory_dead_letters)",
            "without vector": "max(memory_unembedded_memories)",
            "refused by the index": "max(memory_index_failures)",
        },
    ),
    times(
        "Redis",
        "memory_redis_command_seconds",
        'command!="xreadgroup"',
        text="Round trips; XREADGROUP waits for work and is left out.",
    ),
    Panel("Redis errors", "ops", {"{{error}}": rate("memory_redis_errors_total", by="error")}),
    Panel(
        "Redis connections",
        "short",
        {
            "{{state}}": "sum by (state) (memory_redis_connections)",
            "at most": "sum(memory_redis_connections_max)",
        },
    ),
    Panel(
        "Index",
        "short",
        {"memories": "max(memory_index_memories)"},
    ),
    Panel(
        "Memory",
        "bytes",
        {
            "index": "max(memory_index_bytes)",
            "vectors in the index": "max(memory_index_vector_bytes)",
            "{{service}}": f"sum by (service) (process_resident_memory_bytes {OF_OURS})",
        },
    ),
    Panel(
        "CPU",
        "short",
        {
            "{{service}} {{instance}}": "rate(process_cpu_seconds_total[$__rate_interval]) "
            f"{OF_OURS}"
        },
    ),
    Panel(
        "Versions",
        "short",
        {"{{service}} {{version}}": f"count by (service, version) ({PROCESSES})"},
    ),
]

EXTRACTION = [
    Panel(
        "Deltas of the background",
        "ops",
        {"{{outcome}}": rate("memory_extraction_steps_total", by="outcome")},
    ),
    Panel(
        "Deltas at the extractor",
        "ops",
        {"{{outcome}}": rate("extractor_extractions_total", by="outcome")},
    ),
    times("Time of a delta", "extractor_extraction_seconds"),
    Panel(
        "Messages and memories",
        "ops",
        {
            "messages": rate("memory_extracted_messages_total"),
            "memories": rate("extractor_memories_total"),
            "given up": rate("memory_given_up_messages_total"),
        },
    ),
    Panel("Rules queue", "short", {"{{instance}}": "extractor_rules_queue_depth"}),
    Panel("Embedding queue", "short", {"{{instance}}": "extractor_embed_queue_depth"}),
    times("Wait for a batch", "extractor_embed_queue_seconds"),
    times("Inference of a batch", "extractor_embed_inference_seconds"),
    Panel(
        "Batches",
        "short",
        {
            "texts": quantile(0.5, "extractor_embed_batch_size"),
            "tokens": quantile(0.5, "extractor_embed_batch_tokens"),
        },
        "Medians.",
    ),
    Panel(
        "What new facts are to known ones",
        "ops",
        {"{{decision}}": rate("extractor_decisions_total", by="decision")},
    ),
    times("Reconcile", "extractor_reconcile_seconds"),
    Panel("Kept out", "ops", {"{{kind}}": rate("extractor_guarded_total", by="kind")}),
    Panel("Streams", "short", {"streams": "sum(extractor_streams)"}),
]

SEARCH = [
    Panel("Searches", "reqps", {"{{mode}}": rate("memory_searches_total", by="mode")}),
    Panel(
        "Degraded",
        "percentunit",
        {
            "degraded": share("memory_searches_total", DEGRADED),
        },
        "Share of searches that had to do without meaning.",
    ),
    times(
        "SearchMemories",
        "grpc_server_handling_seconds",
        f'{MEMORY},grpc_method="SearchMemories"',
    ),
    times("Stages", "memory_search_stage_seconds", by="stage"),
    times("Vectors", "memory_embed_seconds", by="purpose"),
    Panel(
        "Calls for vectors",
        "ops",
        {"{{purpose}} {{outcome}}": rate("memory_embed_calls_total", by="purpose, outcome")},
    ),
    times("Engine", "memory_redis_command_seconds", 'command="ft.search"'),
    Panel(
        "Found in caches",
        "percentunit",
        {
            "{{cache}}": f"{rate('memory_cache_lookups_total', HIT, by='cache')} / "
            f"{rate('memory_cache_lookups_total', by='cache')}"
        },
        "Share of look-ups that found what was computed before: parts of keys, word stems.",
    ),
    Panel("Index", "short", {"memories": "max(memory_index_memories)"}),
]

DASHBOARDS = {
    "overview": ("Agent memory", OVERVIEW),
    "extraction": ("Agent memory: extraction", EXTRACTION),
    "search": ("Agent memory: search", SEARCH),
}


def dashboard(name: str, title: str, panels: list[Panel]) -> dict[str, Any]:
    """The JSON model of a dashboard."""
    variable = {
        "name": "datasource",
        "type": "datasource",
        "query": "prometheus",
        "label": "Source",
    }
    return {
        "uid": f"agent-memory-{name}",
        "title": title,
        "tags": ["agent-memory"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [variable]},
        "panels": [graph(place, panel) for place, panel in enumerate(panels)],
    }


def graph(place: int, panel: Panel) -> dict[str, Any]:
    """The JSON model of a panel at its place, from left to right and from top to bottom."""
    row, column = divmod(place, 24 // WIDTH)
    targets = [
        {
            "refId": chr(ord("A") + number),
            "datasource": DATASOURCE,
            "expr": query,
            "legendFormat": legend,
        }
        for number, (legend, query) in enumerate(panel.queries.items())
    ]
    return {
        "id": place + 1,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": targets,
    }


def files() -> dict[Path, str]:
    """The text of every file."""
    return {
        FOLDER / f"{name}.json": json.dumps(dashboard(name, *content), indent=1) + "\n"
        for name, content in DASHBOARDS.items()
    }


def main() -> int:
    """Write, or check, the files."""
    stale = [p for p, text in files().items() if not p.is_file() or p.read_text() != text]
    if "--check" in sys.argv[1:]:
        sys.stderr.writelines(f"{path} is stale\n" for path in stale)
        return 1 if stale else 0
    for path in stale:
        path.write_text(files()[path])
    return 0


if __name__ == "__main__":
    sys.exit(main())
