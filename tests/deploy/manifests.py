"""The overlays as kustomize renders them, and ways to look at them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
OVERLAYS = tuple(sorted(path.name for path in (DEPLOY / "overlays").iterdir()))

Manifest = dict[str, Any]

NO_KUBECTL = "" if shutil.which("kubectl") else "kubectl is not installed"


@cache
def render(overlay: str) -> tuple[Manifest, ...]:
    """Return what `kubectl apply -k` would send."""
    return _kustomize(DEPLOY / "overlays" / overlay)


@cache
def render_with(base: str, *components: str) -> tuple[Manifest, ...]:
    """Return an overlay with more components on top of it."""
    content = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "agent-memory",
        "resources": [f"../{base}"],
        "components": [f"../../components/{name}" for name in components],
    }
    return render_overlay("-".join(components), content)


def render_overlay(name: str, content: Manifest) -> tuple[Manifest, ...]:
    """Return what an overlay beside the others makes."""
    # Kustomize reads nothing by an absolute path, so the overlay lies among the others.
    folder = DEPLOY / "overlays" / f".test-{name}"
    folder.mkdir(exist_ok=True)
    try:
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(content))
        return _kustomize(folder)
    finally:
        shutil.rmtree(folder)


def _kustomize(folder: Path) -> tuple[Manifest, ...]:
    done = subprocess.run(
        ["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(manifests: tuple[Manifest, ...], *kinds: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] in kinds]


def named(manifests: tuple[Manifest, ...], kind: str, name: str) -> Manifest:
    (found,) = [m for m in of_kind(manifests, kind) if m["metadata"]["name"] == name]
    return found


def title(manifest: Manifest) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def workloads(manifests: tuple[Manifest, ...]) -> list[Manifest]:
    return of_kind(manifests, "Deployment", "StatefulSet")


def pod_spec(workload: Manifest) -> Manifest:
    return workload["spec"]["template"]["spec"]


def pod_labels(workload: Manifest) -> dict[str, str]:
    return workload["spec"]["template"]["metadata"]["labels"]


def selects(selector: Manifest, labels: Mapping[str, str]) -> bool:
    """Whether a label selector, of equalities alone, matches the labels."""
    assert set(selector) <= {"matchLabels"}, selector
    return selector.get("matchLabels", {}).items() <= labels.items()


def containers(workload: Manifest) -> list[Manifest]:
    spec = pod_spec(workload)
    return [*spec.get("initContainers", ()), *spec["containers"]]


def environment(manifests: tuple[Manifest, ...], container: Manifest) -> dict[str, str]:
    """Return a container's variables; those from a Secret have an empty value."""
    variables: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        variables |= named(manifests, "ConfigMap", source["configMapRef"]["name"])["data"]
    return variables | {each["name"]: each.get("value", "") for each in container.get("env", ())}


def ports(container: Manifest) -> dict[str, int]:
    return {port["name"]: port["containerPort"] for port in container["ports"]}


def strings(value: Any) -> Iterator[str]:
    """Yield every string within a manifest, keys too."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value
