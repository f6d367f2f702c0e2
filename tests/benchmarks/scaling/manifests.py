"""What the manifests say of sizes and thresholds, so that the page is about what is deployed."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_DEPLOY = Path(__file__).parents[3] / "deploy"
_WORKLOADS = {
    "MemoryService": "base/memory/deployment.yaml",
    "ExtractorService": "base/extractor/deployment.yaml",
    "Redis": "components/redis/statefulset.yaml",
}
_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "kb": 2**10, "mb": 2**20, "gb": 2**30}


def in_bytes(quantity: str) -> int:
    """Return the bytes of a quantity of Kubernetes, or of Redis."""
    number, unit = re.fullmatch(r"(\d+)([A-Za-z]{2})", quantity).groups()  # type: ignore[union-attr]
    return int(number) * _UNITS[unit]


def memory_of(process: str) -> tuple[str, str]:
    """Return the memory that a process requests, and its limit."""
    resources = _resources(process)
    return resources["requests"]["memory"], resources["limits"]["memory"]


def extractor_cpus() -> float:
    """Return the CPUs that an extractor may use."""
    return float(_resources("ExtractorService")["limits"]["cpu"])


def target_utilization() -> float:
    """Return the share of its CPUs that a pod uses when more are started."""
    for manifest in _documents("base/memory/autoscaling.yaml"):
        if manifest["kind"] == "HorizontalPodAutoscaler":
            (metric,) = manifest["spec"]["metrics"]
            return float(metric["resource"]["target"]["averageUtilization"]) / 100
    raise LookupError("MemoryService has no autoscaler")


def queue_threshold() -> int:
    """Return the messages in the queue of an extractor at which more are started."""
    return int(_keda("extractor_rules_queue_depth"))


def lag_threshold() -> int:
    """Return the notices that wait, for each extractor, at which more are started."""
    return int(_keda("memory_delta_lag_notices"))


def redis_maxmemory() -> int:
    """Return the bytes that the Redis of the manifests may hold."""
    config = (_DEPLOY / "components/redis/redis.conf").read_text()
    (found,) = re.findall(r"^maxmemory (\S+)$", config, re.MULTILINE)
    return in_bytes(found)


def _keda(metric: str) -> str:
    (scaled,) = _documents("components/keda/scaledobject.yaml")
    triggers = [trigger["metadata"] for trigger in scaled["spec"]["triggers"]]
    return str(next(each["threshold"] for each in triggers if metric in each.get("query", "")))


def _resources(process: str) -> dict[str, Any]:
    for manifest in _documents(_WORKLOADS[process]):
        if manifest["kind"] in {"Deployment", "StatefulSet"}:
            (container,) = manifest["spec"]["template"]["spec"]["containers"]
            return dict(container["resources"])
    raise LookupError(f"{process} has no workload")


@cache
def _documents(path: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((_DEPLOY / path).read_text()))
