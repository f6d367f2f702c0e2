"""Who may speak to whom: nobody, but for the edges that are listed here."""

from __future__ import annotations

import pytest

from tests.deploy import manifests as m
from tests.deploy.manifests import Manifest, render, render_with

pytestmark = pytest.mark.skipif(bool(m.NO_KUBECTL), reason=m.NO_KUBECTL)

REASON = "agent-memory/reason"

SERVICES = {
    ("clients", "memory", 50051),
    ("memory", "extractor", 50052),
    ("*", "dns", 53),
}
MONITORING = {("prometheus", "memory", 9464), ("prometheus", "extractor", 9465)}
VLLM = {("extractor", "vllm", 8000), ("vllm", "internet", 443)}

ALLOWED = {
    "dev": SERVICES | {("memory", "redis", 6379)},
    "prod": SERVICES | MONITORING | {("memory", "external redis", 6379)},
    "gpu": SERVICES | MONITORING | VLLM | {("memory", "external redis", 6379)},
}

OUTSIDE = {
    "agent-memory-client": "clients",
    "app.kubernetes.io/name=prometheus": "prometheus",
    "app.kubernetes.io/name=opentelemetry-collector": "collector",
    "k8s-app=kube-dns": "dns",
    "192.0.2.1/32": "external redis",
    "0.0.0.0/0": "internet",
}
"""What the ends of edges outside of the namespace are known by."""


def policies(manifests: tuple[Manifest, ...]) -> list[Manifest]:
    return m.of_kind(manifests, "NetworkPolicy")


def subject(policy: Manifest) -> str:
    return policy["spec"]["podSelector"].get("matchLabels", {}).get("app.kubernetes.io/name", "*")


def peer(end: Manifest) -> str:
    """The name of an edge's other end."""
    if "ipBlock" in end:
        return OUTSIDE[end["ipBlock"]["cidr"]]
    labels = end["podSelector"]["matchLabels"]
    if "namespaceSelector" not in end:
        return str(labels["app.kubernetes.io/name"])
    assert end["namespaceSelector"]["matchLabels"], "every namespace"
    (found,) = [
        name
        for label, name in OUTSIDE.items()
        if any(f"{k}={v}".startswith(label) for k, v in labels.items())
    ]
    return found


def edges(manifests: tuple[Manifest, ...], direction: str) -> set[tuple[str, str, int]]:
    """What is allowed in one direction, as (from, to, port)."""
    found = set()
    side, field = {"Ingress": ("from", "ingress"), "Egress": ("to", "egress")}[direction]
    for policy in policies(manifests):
        for rule in policy["spec"].get(field, ()):
            for end in rule[side]:
                for port in rule["ports"]:
                    ends = (peer(end), subject(policy))
                    if direction == "Egress":
                        ends = (ends[1], ends[0])
                    found.add((*ends, port["port"]))
    return found


@pytest.mark.parametrize("overlay", ALLOWED)
def test_exactly_the_edges_that_are_needed_are_allowed(overlay: str) -> None:
    manifests = render(overlay)
    allowed = edges(manifests, "Ingress") | edges(manifests, "Egress")
    assert allowed == ALLOWED[overlay]


@pytest.mark.parametrize("overlay", ALLOWED)
def test_an_edge_within_the_namespace_is_allowed_at_both_ends(overlay: str) -> None:
    manifests = render(overlay)
    pods = {m.pod_labels(w)["app.kubernetes.io/name"] for w in m.workloads(manifests)}
    out, into = edges(manifests, "Egress"), edges(manifests, "Ingress")
    assert {edge for edge in out if edge[1] in pods} == {edge for edge in into if edge[0] in pods}


@pytest.mark.parametrize("overlay", ALLOWED)
def test_an_edge_leads_to_a_port_that_its_end_has(overlay: str) -> None:
    manifests = render(overlay)
    ports = {
        m.pod_labels(w)["app.kubernetes.io/name"]: {
            port for container in m.containers(w) for port in m.ports(container).values()
        }
        for w in m.workloads(manifests)
    }
    for _, end, port in edges(manifests, "Egress") | edges(manifests, "Ingress"):
        assert port in ports.get(end, {port}), (end, port)


@pytest.mark.parametrize("overlay", ALLOWED)
def test_what_is_not_allowed_is_denied_in_both_directions_to_every_pod(overlay: str) -> None:
    (denied,) = [p for p in policies(render(overlay)) if p["metadata"]["name"] == "default-deny"]
    assert denied["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.parametrize("overlay", ALLOWED)
def test_every_edge_has_a_reason_and_no_policy_more_than_one_direction(overlay: str) -> None:
    for policy in policies(render(overlay)):
        assert policy["metadata"]["annotations"][REASON].endswith("."), m.title(policy)
        if policy["metadata"]["name"] != "default-deny":
            (direction,) = policy["spec"]["policyTypes"]
            assert len(policy["spec"][direction.lower()]) == 1
            (rule,) = policy["spec"][direction.lower()]
            assert rule["ports"], m.title(policy)


def test_tracing_needs_an_edge_out_of_each_service_and_no_other() -> None:
    with_tracing, without = render_with("prod", "tracing"), render("prod")
    assert edges(with_tracing, "Ingress") == edges(without, "Ingress")
    assert edges(with_tracing, "Egress") - edges(without, "Egress") == {
        ("memory", "collector", 4317),
        ("extractor", "collector", 4317),
    }


def test_keda_needs_no_edge() -> None:
    with_keda, without = render_with("prod", "keda"), render("prod")
    assert edges(with_keda, "Ingress") == edges(without, "Ingress")
