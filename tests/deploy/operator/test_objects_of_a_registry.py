"""The objects of a registry: what Kubernetes takes, and what the Helm chart makes too."""

import base64
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
import yaml

from config.keys.loading import load_configuration
from deploy.operator.certificates import self_signed
from deploy.operator.kinds import PROMETHEUS_RULE, ROUTE, SECRET, SERVICE_MONITOR, Manifest
from deploy.operator.registry import encoded
from deploy.operator.settings import POSTGRES_IMAGE, REDIS_IMAGE, S3_IMAGE, Settings
from tests.deploy.chart import IMAGE, SECRETS, Document, render
from tests.deploy.operator.pretended import NAME, NOW, PretendedCluster, finish, make_registry
from tests.deploy.variables import unknown_variables
from tests.live import ROOT

HELM = "helm4"
VALIDATED = "1.30"
OTHERS = {"QuayRegistry", "Route", "ServiceMonitor", "PrometheusRule"}
OVERRIDES = {
    "env": [{"name": "WORKERS", "value": "4"}, {"name": "HTTPS_PROXY", "value": "http://p:1"}],
    "resources": {"limits": {"memory": "3Gi"}},
    "affinity": {"nodeAffinity": {}},
    "labels": {"team": "infra"},
    "annotations": {"example.com/a": "b"},
}
STORE_OVERRIDES = {**OVERRIDES, "volumeSize": "1Ti", "storageClassName": "fast"}
SPECS: dict[str, dict[str, Any]] = {
    "empty": {},
    "with overrides": {
        "components": [
            {"kind": "quay", "managed": True, "overrides": {**OVERRIDES, "replicas": 3}},
            {"kind": "horizontalpodautoscaler", "managed": False},
            *(
                {"kind": kind, "managed": True, "overrides": STORE_OVERRIDES}
                for kind in ("postgres", "redis", "objectstorage")
            ),
            {"kind": "route", "managed": True, "overrides": {"annotations": {"a/b": "c"}}},
            {"kind": "tls", "managed": False, "secretRef": {"name": "own-tls"}},
        ]
    },
}
SETTINGS = Settings(
    image=f"{IMAGE['repository']}:0.1.0",
    version="0.1.0",
    domain="apps.example.com",
    ingress_class="nginx",
    trusted_proxies=("10.0.0.0/8",),
    pull_secrets=("login",),
)


def made(spec: dict[str, Any], *, on_openshift: bool = False) -> PretendedCluster:
    more = (ROUTE,) if on_openshift else ()
    cluster = PretendedCluster(served=(SERVICE_MONITOR, PROMETHEUS_RULE, *more))
    parts = zip(("tls.crt", "tls.key"), self_signed("a.example.com", now=NOW), strict=True)
    cluster.put(SECRET, "own-tls", data=encoded(dict(parts)))
    make_registry(cluster, spec)
    finish(cluster, settings=SETTINGS)
    return cluster


@pytest.fixture(params=SPECS)
def cluster(request: pytest.FixtureRequest) -> PretendedCluster:
    return made(SPECS[request.param])


@pytest.fixture(scope="module")
def plain() -> PretendedCluster:
    return made({})


def of_kind(cluster: PretendedCluster, kind: str) -> dict[str, Manifest]:
    """By component."""
    return {
        manifest["metadata"]["labels"]["app.kubernetes.io/component"]: manifest
        for manifest in cluster.objects.values()
        if manifest["kind"] == kind
    }


def pods(cluster: PretendedCluster) -> Iterator[Manifest]:
    for manifest in cluster.objects.values():
        if manifest["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield manifest["spec"]["template"]["spec"]


def config(cluster: PretendedCluster) -> dict[str, Any]:
    (secret,) = (
        manifest
        for (_plural, name), manifest in cluster.objects.items()
        if name.startswith(f"{NAME}-config-")
    )
    values = yaml.safe_load(base64.b64decode(secret["data"]["config.yaml"]))
    assert isinstance(values, dict)
    return values


# --- Kubernetes and Berth -----------------------------------------------------------------------


def test_kubernetes_knows_every_field(cluster: PretendedCluster) -> None:
    for manifest in cluster.objects.values():
        if manifest["kind"] not in OTHERS:
            kept = {key: value for key, value in manifest.items() if key != "status"}
            kubernetes_validate.validate(kept, VALIDATED, strict=True)


def test_every_pod_fits_the_strictest_standard(cluster: PretendedCluster) -> None:
    for pod in pods(cluster):
        for container in (*pod["containers"], *pod.get("initContainers", [])):
            security = container["securityContext"]
            assert pod["securityContext"]["runAsNonRoot"]
            assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            assert not security["allowPrivilegeEscalation"]
            assert security["capabilities"] == {"drop": ["ALL"]}


def test_no_pod_reaches_the_cluster(cluster: PretendedCluster) -> None:
    assert not any(pod["automountServiceAccountToken"] for pod in pods(cluster))


def test_openshift_chooses_the_users_of_pods() -> None:
    found = [pod["securityContext"] for pod in pods(made({}, on_openshift=True))]

    assert not any("runAsUser" in security or "fsGroup" in security for security in found)


def test_berth_understands_the_configuration(plain: PretendedCluster, tmp_path: Any) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(config(plain)))

    loaded = load_configuration({"BERTH_DATA": str(tmp_path)}, file=file)

    assert loaded.configuration.SERVER_HOSTNAME == "quay-infra.apps.example.com"
    assert loaded.configuration.TRUSTED_PROXIES


def test_berth_understands_every_variable(plain: PretendedCluster) -> None:
    names = [
        entry["name"]
        for manifest in of_kind(plain, "Deployment").values()
        for entry in manifest["spec"]["template"]["spec"]["containers"][0]["env"]
    ]

    assert unknown_variables(names) == set()


def test_what_somebody_wants_in_a_variable_counts_more() -> None:
    web = of_kind(made(SPECS["with overrides"]), "Deployment")["web"]
    env = web["spec"]["template"]["spec"]["containers"][0]["env"]

    assert [entry["value"] for entry in env if entry["name"] == "WORKERS"] == ["4"]


def test_labels_by_which_objects_are_found_cannot_be_taken(cluster: PretendedCluster) -> None:
    for manifest in of_kind(cluster, "Deployment").values():
        labels = manifest["spec"]["template"]["metadata"]["labels"]
        assert manifest["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_no_secret_stands_in_an_object_that_is_none(plain: PretendedCluster) -> None:
    keys = plain.objects["secrets", f"{NAME}-keys"]["data"].values()
    secrets = {base64.b64decode(value).decode() for value in keys} - {"", "[]"}

    open_text = yaml.safe_dump([m for m in plain.objects.values() if m["kind"] != "Secret"])

    assert [secret for secret in secrets if secret in open_text] == []


# --- The chart ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chart() -> dict[str, Document]:
    """The chart's Deployments and its Job, by component."""
    rendered = render(HELM, {"image": IMAGE, "mode": "replicated", "secret": {"values": SECRETS}})
    (job,) = rendered.of_kind("Job")
    return {**rendered.deployments(), "migrate": job}


def ours(cluster: PretendedCluster) -> dict[str, Manifest]:
    return {**of_kind(cluster, "Deployment"), **of_kind(cluster, "Job")}


@pytest.mark.parametrize("role", ["web", "worker", "beat", "migrate"])
@pytest.mark.parametrize(
    "part",
    [
        *("image", "imagePullPolicy", "args", "securityContext", "resources", "ports"),
        *("startupProbe", "livenessProbe", "readinessProbe", "lifecycle"),
    ],
)
def test_containers_are_those_of_the_chart(
    plain: PretendedCluster, chart: dict[str, Document], role: str, part: str
) -> None:
    (of_chart,) = chart[role]["spec"]["template"]["spec"]["containers"]
    (of_operator,) = ours(plain)[role]["spec"]["template"]["spec"]["containers"]

    assert of_operator.get(part) == of_chart.get(part)


@pytest.mark.parametrize("role", ["web", "worker", "beat", "migrate"])
@pytest.mark.parametrize(
    "part",
    [
        *("securityContext", "automountServiceAccountToken", "enableServiceLinks"),
        *("terminationGracePeriodSeconds", "restartPolicy"),
    ],
)
def test_pods_are_those_of_the_chart(
    plain: PretendedCluster, chart: dict[str, Document], role: str, part: str
) -> None:
    of_chart = chart[role]["spec"]["template"]["spec"]
    of_operator = ours(plain)[role]["spec"]["template"]["spec"]

    found = of_operator.get(part)
    assert found == (
        {**found, **of_chart[part]} if part == "securityContext" else of_chart.get(part)
    )


@pytest.mark.parametrize("role", ["worker", "beat"])
def test_there_are_as_many_pods_as_of_the_chart(
    plain: PretendedCluster, chart: dict[str, Document], role: str
) -> None:
    assert ours(plain)[role]["spec"]["replicas"] == chart[role]["spec"]["replicas"]


@pytest.mark.parametrize("role", ["web", "worker", "beat"])
def test_pods_are_replaced_as_by_the_chart(
    plain: PretendedCluster, chart: dict[str, Document], role: str
) -> None:
    assert ours(plain)[role]["spec"]["strategy"] == chart[role]["spec"]["strategy"]


def test_the_ways_are_those_of_the_chart(plain: PretendedCluster) -> None:
    ingress = {"enabled": True, "host": "registry.example.com"}
    rendered = render(HELM, {"image": IMAGE, "ingress": ingress})
    (of_chart,) = rendered.of_kind("Ingress")

    of_operator = plain.objects["ingresses" + "networking.k8s.io", NAME]

    assert of_operator["metadata"]["annotations"] == of_chart["metadata"]["annotations"]


def test_scaling_is_that_of_the_chart(plain: PretendedCluster) -> None:
    autoscaling = {"web": {"autoscaling": {"enabled": True}}}
    secret = {"secret": {"values": SECRETS}, "mode": "replicated"}
    rendered = render(HELM, {"image": IMAGE, **secret, **autoscaling})
    for kind in ("HorizontalPodAutoscaler", "PodDisruptionBudget"):
        (of_chart,) = rendered.of_kind(kind)
        of_operator = of_kind(plain, kind)["web"]
        same = set(of_chart["spec"]) - {"selector", "scaleTargetRef"}
        assert [of_operator["spec"][key] for key in same] == [of_chart["spec"][key] for key in same]


def test_stores_are_those_of_compose() -> None:
    compose = yaml.safe_load((ROOT / "deploy/compose/compose.stores.yaml").read_text())
    images = [compose["services"][name]["image"] for name in ("postgres", "redis", "s3")]

    assert [image.partition(":-")[2].rstrip("}") for image in images] == [
        POSTGRES_IMAGE,
        REDIS_IMAGE,
        S3_IMAGE,
    ]
