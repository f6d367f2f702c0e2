"""Every overlay renders, is valid, and keeps the promises that a cluster cannot check for us."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
import yaml
from opentelemetry.sdk import environment_variables

from extractor_service.app import SERVICE as EXTRACTOR
from extractor_service.ending import PATIENCE_SECONDS
from extractor_service.settings import ExtractorSettings
from memory_service.app import SERVICE as MEMORY
from memory_service.settings import MemorySettings
from service_kit import server
from service_kit.addresses import split_address
from service_kit.health import LIVENESS
from service_kit.tracing.otel import FLUSH_SECONDS
from tests.deploy import manifests as m
from tests.deploy.manifests import OVERLAYS, Manifest, render, render_with

pytestmark = pytest.mark.skipif(bool(m.NO_KUBECTL), reason=m.NO_KUBECTL)

KUBERNETES = "1.37"

RENDERED = {
    **{overlay: (overlay, ()) for overlay in OVERLAYS},
    "prod with keda": ("prod", ("keda",)),
    "dev with mtls": ("dev", ("mtls",)),
    "dev with vllm": ("dev", ("vllm",)),
    "dev with monitoring": ("dev", ("monitoring",)),
    "dev with tracing": ("dev", ("tracing",)),
}
"""Overlays, and components that no overlay has or that ought to go with others."""

CUSTOM = {
    "keda.sh/v1alpha1": {"ScaledObject"},
    "cert-manager.io/v1": {"Certificate", "Issuer"},
    "monitoring.coreos.com/v1": {"PodMonitor", "PrometheusRule"},
}
"""Kinds of other makers, whose schemas are not at hand: only that nothing else is used."""

SETTINGS = {"memory": MemorySettings, "extractor": ExtractorSettings}
SERVICES = {"memory": MEMORY, "extractor": EXTRACTOR}


@pytest.fixture(params=RENDERED)
def manifests(request: pytest.FixtureRequest) -> tuple[Manifest, ...]:
    base, components = RENDERED[request.param]
    return render_with(base, *components) if components else render(base)


def test_the_overlays_are_those_that_the_readme_promises() -> None:
    assert OVERLAYS == ("dev", "gpu", "prod")


def test_every_manifest_is_valid(manifests: tuple[Manifest, ...]) -> None:
    for manifest in manifests:
        if manifest["apiVersion"] in CUSTOM:
            assert manifest["kind"] in CUSTOM[manifest["apiVersion"]], m.title(manifest)
            continue
        # Raises, and says where.
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_everything_is_in_the_one_namespace_which_is_restricted(
    manifests: tuple[Manifest, ...],
) -> None:
    (namespace,) = m.of_kind(manifests, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {each["metadata"].get("namespace") for each in manifests if each is not namespace} == {
        namespace["metadata"]["name"]
    }


def test_nothing_is_named_twice(manifests: tuple[Manifest, ...]) -> None:
    titles = [m.title(each) for each in manifests]
    assert len(titles) == len(set(titles))


def test_every_pod_keeps_to_the_restricted_standard_and_reads_only(
    manifests: tuple[Manifest, ...],
) -> None:
    for workload in m.workloads(manifests):
        pod = m.pod_spec(workload)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        kinds = {kind for volume in pod.get("volumes", ()) for kind in volume if kind != "name"}
        assert kinds <= {"emptyDir", "secret", "configMap", "persistentVolumeClaim"}
        for container in m.containers(workload):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, m.title(workload)


def test_no_pod_has_a_token_of_the_cluster(manifests: tuple[Manifest, ...]) -> None:
    for workload in m.workloads(manifests):
        pod = m.pod_spec(workload)
        account = m.named(manifests, "ServiceAccount", pod["serviceAccountName"])
        assert account["automountServiceAccountToken"] is False
        assert pod["automountServiceAccountToken"] is False
    assert not m.of_kind(manifests, "ClusterRole", "ClusterRoleBinding")


def test_only_prometheus_may_see_the_pods_and_nobody_may_do_more(
    manifests: tuple[Manifest, ...],
) -> None:
    for role in m.of_kind(manifests, "Role"):
        assert role["rules"] == [
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}
        ]
    for binding in m.of_kind(manifests, "RoleBinding"):
        (subject,) = binding["subjects"]
        assert (subject["namespace"], subject["name"]) == ("monitoring", "prometheus-k8s")


def test_every_container_has_requests_and_limits(manifests: tuple[Manifest, ...]) -> None:
    for workload in m.workloads(manifests):
        for container in m.containers(workload):
            for bounds in ("requests", "limits"):
                assert {"cpu", "memory"} <= container["resources"][bounds].keys()
        for volume in m.pod_spec(workload).get("volumes", ()):
            if "emptyDir" in volume:
                assert volume["emptyDir"]["sizeLimit"], m.title(workload)


def test_every_image_has_a_version(manifests: tuple[Manifest, ...]) -> None:
    for workload in m.workloads(manifests):
        for container in m.containers(workload):
            assert re.search(r":v?\d+\.\d+\.\d+$|@sha256:[0-9a-f]{64}$", container["image"])


def test_every_container_has_the_three_probes(manifests: tuple[Manifest, ...]) -> None:
    for workload in m.workloads(manifests):
        for container in m.pod_spec(workload)["containers"]:
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_the_services_are_probed_on_their_health(
    manifests: tuple[Manifest, ...], name: str
) -> None:
    container = service_container(manifests, name)
    probed = {
        probe: container[f"{probe}Probe"]["grpc"] for probe in ("startup", "liveness", "readiness")
    }
    assert {probe["port"] for probe in probed.values()} == {probe_port(manifests, name)}
    # What Redis needs must not restart a process; what is loading must not be, either.
    assert probed["liveness"]["service"] == LIVENESS
    assert probed["readiness"]["service"] == SERVICES[name]
    assert probed["startup"]["service"] == {"memory": LIVENESS, "extractor": EXTRACTOR}[name]


def service_container(manifests: tuple[Manifest, ...], name: str) -> Manifest:
    (container,) = m.pod_spec(m.named(manifests, "Deployment", name))["containers"]
    return container


def service_environment(manifests: tuple[Manifest, ...], name: str) -> dict[str, str]:
    return m.environment(manifests, service_container(manifests, name))


def probe_port(manifests: tuple[Manifest, ...], name: str) -> int:
    environment = service_environment(manifests, name)
    prefix = name.upper()
    return split_address(environment[f"{prefix}_HEALTH_BIND"])[1]


@pytest.mark.parametrize("name", SERVICES)
def test_the_ports_are_those_of_the_settings(manifests: tuple[Manifest, ...], name: str) -> None:
    environment = service_environment(manifests, name)
    ports = m.ports(service_container(manifests, name))
    prefix = name.upper()
    assert ports["grpc"] == split_address(environment[f"{prefix}_BIND"])[1]
    assert ports["metrics"] == int(environment[f"{prefix}_METRICS_PORT"])
    assert ports["health"] == probe_port(manifests, name) != ports["grpc"]
    assert environment[f"{prefix}_METRICS_HOST"] == "0.0.0.0"
    defaults = SETTINGS[name].model_fields
    assert ports["grpc"] == split_address(defaults["bind"].default)[1]
    assert ports["metrics"] == defaults["metrics_port"].default


@pytest.mark.parametrize("name", SERVICES)
def test_the_settings_exist_and_are_taken(
    manifests: tuple[Manifest, ...], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = service_environment(manifests, name)
    unknown = set(environment) - variables(SETTINGS[name]) - set(vars(environment_variables))
    assert unknown == set()
    assert settings_of(manifests, name, monkeypatch)


def settings_of(
    manifests: tuple[Manifest, ...], name: str, monkeypatch: pytest.MonkeyPatch
) -> MemorySettings | ExtractorSettings:
    """Return what a service makes of its variables."""
    environment = service_environment(manifests, name)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, "redis://example" if variable == "REDIS_URL" else value)
    return SETTINGS[name]()


@pytest.mark.parametrize("overlay", ["prod", "gpu"])
@pytest.mark.parametrize(("name", "mode"), [("memory", "api_key"), ("extractor", "mtls")])
def test_production_serves_nobody_unknown_and_nothing_unencrypted(
    overlay: str, name: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(render(overlay), name, monkeypatch)
    assert settings.modes == {mode}
    assert settings.serves_tls
    assert not settings.allow_unauthenticated
    assert not settings.allow_plaintext


def test_keys_come_from_a_secret_without_which_no_pod_starts() -> None:
    manifests = render("prod")
    folder, _, _ = service_environment(manifests, "memory")["MEMORY_API_KEYS_FILE"].rpartition("/")
    mounts = service_container(manifests, "memory")["volumeMounts"]
    (name,) = [mount["name"] for mount in mounts if mount["mountPath"] == folder]
    volumes = m.pod_spec(m.named(manifests, "Deployment", "memory"))["volumes"]
    (volume,) = [volume for volume in volumes if volume["name"] == name]
    assert volume["secret"] == {"secretName": "memory-api-keys"}


def test_the_services_know_each_other_by_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = settings_of(render("prod"), "memory", monkeypatch)
    assert isinstance(memory, MemorySettings)
    assert memory.extractor_cert == memory.tls_cert
    assert memory.extractor_key == memory.tls_key
    assert memory.extractor_ca


def test_callers_with_keys_need_no_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_of(render("prod"), "memory", monkeypatch).tls_client_ca is None


def test_with_certificates_alone_callers_need_one(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(render_with("dev", "mtls"), "memory", monkeypatch)
    assert settings.modes == {"mtls"}
    assert settings.tls_client_ca


def test_development_says_that_it_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(render("dev"), "memory", monkeypatch)
    assert not settings.modes
    overlay = (m.DEPLOY / "overlays" / "dev" / "kustomization.yaml").read_text()
    page = (m.ROOT / "docs" / "deploying.md").read_text()
    assert "WITHOUT AUTHENTICATION" in overlay
    (row,) = [line for line in page.splitlines() if "apply -k deploy/overlays/dev" in line]
    assert "**without authentication**" in row


def test_with_tracing_both_services_send_their_traces_to_the_one_place_that_they_may_reach(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manifests = render_with("prod", "tracing")
    (endpoint,) = {
        service_environment(manifests, name)["OTEL_EXPORTER_OTLP_ENDPOINT"] for name in SERVICES
    }
    for name in SERVICES:
        assert settings_of(manifests, name, monkeypatch).tracing
        policy = m.named(manifests, "NetworkPolicy", f"{name}-to-collector")
        (rule,) = policy["spec"]["egress"]
        (to,), (port,) = rule["to"], rule["ports"]
        (namespace,) = to["namespaceSelector"]["matchLabels"].values()
        assert endpoint.endswith(f".{namespace}.svc.cluster.local:{port['port']}")


def variables(settings: Any) -> set[str]:
    """Every variable that a class of settings reads."""
    prefix = settings.model_config["env_prefix"]
    aliases = {
        alias
        for field in settings.model_fields.values()
        if field.validation_alias
        for alias in field.validation_alias.choices
    }
    return aliases | {f"{prefix}{name}".upper() for name in settings.model_fields}


@pytest.mark.parametrize("name", SERVICES)
def test_a_pod_is_given_longer_than_its_drain_takes(
    manifests: tuple[Manifest, ...], name: str
) -> None:
    pod = m.pod_spec(m.named(manifests, "Deployment", name))
    (container,) = pod["containers"]
    drain = float(service_environment(manifests, name)[f"{name.upper()}_DRAIN_SECONDS"])
    pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pause >= 5
    assert pod["terminationGracePeriodSeconds"] >= (
        pause + drain + server._CLEAN_UP_SECONDS + FLUSH_SECONDS + PATIENCE_SECONDS
    )


@pytest.mark.parametrize("name", SERVICES)
def test_clients_see_every_pod_and_are_sent_to_new_ones(
    manifests: tuple[Manifest, ...], name: str
) -> None:
    service = m.named(manifests, "Service", name)["spec"]
    assert service["clusterIP"] == "None"
    age = float(service_environment(manifests, name)[f"{name.upper()}_MAX_CONNECTION_AGE_SECONDS"])
    assert 0 < age <= 600


def test_the_extractor_is_found_at_its_own_service(manifests: tuple[Manifest, ...]) -> None:
    service = m.named(manifests, "Service", "extractor")
    namespace, port = service["metadata"]["namespace"], service["spec"]["ports"][0]["port"]
    assert service_environment(manifests, "memory")["MEMORY_EXTRACTOR"] == (
        f"dns:///extractor.{namespace}.svc.cluster.local:{port}"
    )


def test_every_service_leads_to_the_port_of_a_pod(manifests: tuple[Manifest, ...]) -> None:
    for service in m.of_kind(manifests, "Service"):
        spec = service["spec"]
        (workload,) = [
            each
            for each in m.workloads(manifests)
            if spec["selector"].items() <= m.pod_labels(each).items()
        ]
        ports = m.ports(m.pod_spec(workload)["containers"][0])
        for port in spec["ports"]:
            assert ports[port["targetPort"]] == port["port"]


def test_every_selector_finds_what_it_is_for(manifests: tuple[Manifest, ...]) -> None:
    workloads = m.workloads(manifests)
    for workload in workloads:
        name, labels = workload["metadata"]["name"], m.pod_labels(workload)
        assert m.selects(workload["spec"]["selector"], labels)
        found = [w for w in workloads if m.selects(workload["spec"]["selector"], m.pod_labels(w))]
        assert found == [workload], f"the selector of {name} matches others"
        for spread in m.pod_spec(workload).get("topologySpreadConstraints", ()):
            assert m.selects(spread["labelSelector"], labels)
    for budget in m.of_kind(manifests, "PodDisruptionBudget"):
        (workload,) = [
            w for w in workloads if m.selects(budget["spec"]["selector"], m.pod_labels(w))
        ]
        assert workload["metadata"]["name"] == budget["metadata"]["name"]


@pytest.mark.parametrize("name", SERVICES)
def test_the_services_are_spread_disrupted_one_at_a_time_and_scaled_by_one_thing(
    manifests: tuple[Manifest, ...], name: str
) -> None:
    deployment = m.named(manifests, "Deployment", name)
    assert "replicas" not in deployment["spec"], "which an autoscaler sets"
    spreads = m.pod_spec(deployment)["topologySpreadConstraints"]
    keys = {spread["topologyKey"] for spread in spreads}
    assert keys == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
    # A node that takes no pod would else be the emptiest for ever, and hold up all of them.
    assert {spread.get("nodeTaintsPolicy") for spread in spreads} == {"Honor"}
    budget = m.named(manifests, "PodDisruptionBudget", name)
    assert budget["spec"]["maxUnavailable"] == 1
    scalers = [
        each
        for each in m.of_kind(manifests, "HorizontalPodAutoscaler", "ScaledObject")
        if each["spec"]["scaleTargetRef"]["name"] == name
    ]
    assert len(scalers) == 1


def test_in_production_the_extractor_scales_on_cpu_and_on_its_queue() -> None:
    metrics = m.named(render("prod"), "HorizontalPodAutoscaler", "extractor")["spec"]["metrics"]
    names = {(each.get("resource") or each["pods"]["metric"])["name"] for each in metrics}
    assert names == {"cpu", "extractor_rules_queue_depth"}


def test_without_prometheus_as_many_extractors_stay_as_there_are() -> None:
    scaler = m.named(render_with("prod", "keda"), "ScaledObject", "extractor")["spec"]
    assert scaler["fallback"]["behavior"] == "currentReplicas"
    # Of a trigger that leaves it out, KEDA 2.17.0 believes that it cannot fall back.
    kinds = {(trigger["type"], trigger.get("metricType")) for trigger in scaler["triggers"]}
    assert kinds == {("prometheus", "AverageValue"), ("cpu", "Utilization")}
    page = (m.ROOT / "docs" / "deploying.md").read_text()
    (row,) = [line for line in page.splitlines() if line.startswith("| `keda` |")]
    assert "KEDA 2.17" in row


def test_an_overlay_like_that_of_the_page_has_the_label_by_which_a_chart_looks() -> None:
    page = (m.ROOT / "docs" / "deploying.md").read_text()
    (block,) = re.findall(r"^```yaml\n(resources: .*?)^```", page, re.DOTALL | re.MULTILINE)
    manifests = m.render_overlay("page", yaml.safe_load(block) | {"resources": ["../prod"]})
    for manifest in m.of_kind(manifests, "PodMonitor", "PrometheusRule"):
        assert manifest["metadata"]["labels"]["release"], m.title(manifest)
    for workload in m.workloads(manifests):
        # Which can never be changed.
        assert "release" not in workload["spec"]["selector"]["matchLabels"]
    assert {image for _, image in images(manifests) if "your-registry/" not in image} == set()


def test_what_is_referred_to_is_there(manifests: tuple[Manifest, ...]) -> None:
    configs = {c["metadata"]["name"] for c in m.of_kind(manifests, "ConfigMap")}
    claims = {c["metadata"]["name"] for c in m.of_kind(manifests, "PersistentVolumeClaim")}
    for workload in m.workloads(manifests):
        pod = m.pod_spec(workload)
        for volume in pod.get("volumes", ()):
            if "configMap" in volume:
                assert volume["configMap"]["name"] in configs
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in claims
        named = {volume["name"] for volume in pod.get("volumes", ())}
        named |= {
            claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", ())
        }
        for container in m.containers(workload):
            assert {mount["name"] for mount in container["volumeMounts"]} <= named


@pytest.mark.parametrize(
    "overlay",
    [
        {"resources": ["../../base"], "components": ["../../components/redis"]},
        *({"resources": [f"../{name}"]} for name in OVERLAYS),
    ],
    ids=["the component", *OVERLAYS],
)
def test_what_redis_may_hold_has_room_in_memory_and_several_times_over_on_its_volume(
    overlay: Manifest,
) -> None:
    manifests = m.render_overlay("room", overlay)
    for workload in m.of_kind(manifests, "StatefulSet"):
        (container,) = m.pod_spec(workload)["containers"]
        most = maxmemory(manifests, container)
        for bounds in ("requests", "limits"):
            assert bytes_of(container["resources"][bounds]["memory"]) >= 1.25 * most
        (claim,) = workload["spec"]["volumeClaimTemplates"]
        # The file, what was added since it was written, and both again while it is rewritten.
        assert bytes_of(claim["spec"]["resources"]["requests"]["storage"]) >= 4 * most


def maxmemory(manifests: tuple[Manifest, ...], container: Manifest) -> int:
    """Return how many bytes a Redis may hold: what its command says, or else its file."""
    (settings,) = [c for c in m.of_kind(manifests, "ConfigMap") if "redis.conf" in c["data"]]
    said = " ".join([settings["data"]["redis.conf"], *container["args"]])
    return bytes_of(re.findall(r"\bmaxmemory (\S+)", said)[-1])


def bytes_of(quantity: str) -> int:
    """Return a size as Kubernetes or Redis has it, whose units are both powers of two."""
    number, unit = re.fullmatch(r"(\d+)(Gi|Mi|gb|mb)", quantity).groups()  # type: ignore[union-attr]
    return int(number) * {"g": 2**30, "m": 2**20}[unit[0].lower()]


def certificates(manifests: tuple[Manifest, ...]) -> dict[str, Manifest]:
    return {c["metadata"]["name"]: c["spec"] for c in m.of_kind(manifests, "Certificate")}


def test_certificates_are_those_that_pods_mount_and_name_their_services() -> None:
    manifests = render("prod")
    issued = certificates(manifests)
    for name in SERVICES:
        workload = m.named(manifests, "Deployment", name)
        assert issued[name]["secretName"] in set(secrets_of(workload))
        assert "server auth" in issued[name]["usages"]
        assert f"{name}.agent-memory.svc.cluster.local" in issued[name]["dnsNames"]
    target = service_environment(manifests, "memory")["MEMORY_EXTRACTOR"]
    host = target.removeprefix("dns:///").rpartition(":")[0]
    assert host in issued["extractor"]["dnsNames"]
    assert "client auth" in issued["memory"]["usages"]


def test_who_certificates_stand_for_is_said_in_files_that_are_mounted() -> None:
    manifests = render_with("dev", "mtls")
    for name in SERVICES:
        environment = service_environment(manifests, name)
        (mount,) = [
            each
            for each in service_container(manifests, name)["volumeMounts"]
            if each["name"] == "callers"
        ]
        folder, _, file = environment[f"{name.upper()}_CERTIFICATES_FILE"].rpartition("/")
        assert folder == mount["mountPath"]
        (volume,) = [
            each
            for each in m.pod_spec(m.named(manifests, "Deployment", name))["volumes"]
            if each["name"] == "callers"
        ]
        data = m.named(manifests, "ConfigMap", volume["configMap"]["name"])["data"]
        assert json.loads(data[file])["certificates"]
    (uri,) = certificates(manifests)["memory"]["uris"]
    callers = json.loads((m.DEPLOY / "components" / "mtls" / "extractor.json").read_text())
    assert [each["uri"] for each in callers["certificates"]] == [uri]


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("overlay", ["prod", "gpu"])
def test_what_is_mounted_is_read(overlay: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    manifests = render(overlay)
    files = set(service_environment(manifests, name).values())
    for mount in service_container(manifests, name)["volumeMounts"]:
        folder = mount["mountPath"]
        assert folder == "/tmp" or any(f.startswith(f"{folder}/") for f in files), folder
    settings = settings_of(manifests, name, monkeypatch)
    assert (settings.certificates_file is None) == ("mtls" not in settings.modes)


SECRETS = {
    *("memory-tls", "extractor-tls", "memory-redis", "memory-api-keys", "redis-users", "vllm"),
}
"""What is referred to by name: documented where it is, or made by cert-manager."""


def test_secrets_are_referred_to_and_only_development_brings_its_own(
    manifests: tuple[Manifest, ...],
) -> None:
    brought = {secret["metadata"]["name"] for secret in m.of_kind(manifests, "Secret")}
    if any(
        name in {"memory", "extractor"} and "registry" in image for name, image in images(manifests)
    ):
        assert brought == set()
    for workload in m.workloads(manifests):
        for name in secrets_of(workload):
            assert name in brought or name in SECRETS, name


def images(manifests: tuple[Manifest, ...]) -> Iterator[tuple[str, str]]:
    for workload in m.workloads(manifests):
        for container in m.containers(workload):
            yield workload["metadata"]["name"], container["image"]


def secrets_of(workload: Manifest) -> Iterator[str]:
    for volume in m.pod_spec(workload).get("volumes", ()):
        if "secret" in volume:
            yield volume["secret"]["secretName"]
    for container in m.containers(workload):
        for variable in container.get("env", ()):
            if source := variable.get("valueFrom"):
                yield source["secretKeyRef"]["name"]
