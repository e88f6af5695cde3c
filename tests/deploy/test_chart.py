"""The Helm chart: what Helm 3 and 4 make of it is what Kubernetes takes and Berth understands."""

import json
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from django.core.management import load_command_class

from config.keys.configuration import SECRET_KEYS
from config.keys.loading import load_configuration
from config.serving.processes import ROLES
from registry.api.health import PATHS
from tests.deploy.chart import (
    CHART,
    IMAGE,
    KUBERNETES,
    REPLICATED,
    SECRETS,
    SETS,
    SINGLE,
    Document,
    Rendered,
    changed,
    refusal,
    render,
    render_set,
    run_helm,
)
from tests.deploy.variables import KNOWN
from tests.live import ROOT

HELM = "helm4"  # for what both say alike
EVERY_HELM = pytest.mark.parametrize("helm", ["helm3", "helm4"])
DRAIN_SECONDS = 20  # of the web server: config/serving/processes.py
VALIDATED = "1.30"
# Kinds that Kubernetes itself does not have.
OTHERS = {"HTTPRoute", "ServiceMonitor", "PrometheusRule"}


@pytest.fixture(params=SETS)
def rendered(request: pytest.FixtureRequest) -> Rendered:
    return render_set(HELM, request.param)


@pytest.fixture
def replicated() -> Rendered:
    return render_set(HELM, "replicated with all")


def container(pod: Document) -> Document:
    (only,) = pod["spec"]["containers"]
    assert isinstance(only, dict)
    return only


def variables(pod: Document) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container(pod)["env"]}


# --- Helm and Kubernetes ------------------------------------------------------------------------


@EVERY_HELM
def test_helm_finds_nothing_wrong(helm: str) -> None:
    found = run_helm(helm, "lint", REPLICATED, "--strict")

    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("name", SETS)
def test_both_helms_render_the_same(name: str) -> None:
    documents = [
        sorted(map(json.dumps, render_set(helm, name).documents)) for helm in ("helm3", "helm4")
    ]

    assert documents[0] == documents[1]


def test_kubernetes_knows_every_field(rendered: Rendered) -> None:
    for document in rendered.documents:
        if document["kind"] not in OTHERS:
            kubernetes_validate.validate(document, VALIDATED, strict=True)


def test_the_schema_of_kubernetes_refuses_what_it_does_not_know(rendered: Rendered) -> None:
    document = changed(rendered.of_kind("Service")[0], "spec.ports_", [])

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(dict(document), VALIDATED, strict=True)


def test_the_version_of_the_chart_is_that_of_berth() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert (chart["version"], chart["appVersion"]) == (project["version"], project["version"])


def test_no_two_objects_have_one_name(rendered: Rendered) -> None:
    names = Counter((found["kind"], found["metadata"]["name"]) for found in rendered.documents)

    assert max(names.values()) == 1


def test_a_long_release_name_makes_names_that_kubernetes_takes() -> None:
    name = "a-release-whose-name-has-exactly-fifty-three-letters1"
    found = run_helm(HELM, "template", REPLICATED, name, "--kube-version", KUBERNETES)

    names = [
        document["metadata"]["name"] for document in yaml.safe_load_all(found.stdout) if document
    ]
    assert max(map(len, names)) <= 63


# --- What leads where ---------------------------------------------------------------------------


def test_selectors_find_the_pods_they_are_for(rendered: Rendered) -> None:
    for deployment in rendered.of_kind("Deployment"):
        wanted = deployment["spec"]["selector"]["matchLabels"]
        assert wanted.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()


def test_requests_reach_the_pods_that_answer_them_and_no_others(rendered: Rendered) -> None:
    (service,) = rendered.of_kind("Service")
    wanted = service["spec"]["selector"].items()

    reached = [pod for pod in rendered.pods() if wanted <= pod["metadata"]["labels"].items()]
    assert [container(pod)["ports"][0]["name"] for pod in reached] == ["http"]
    assert service["spec"]["ports"][0]["targetPort"] == "http"


def test_budget_and_autoscaler_are_about_the_web_pods(replicated: Rendered) -> None:
    (budget,) = replicated.of_kind("PodDisruptionBudget")
    (scaler,) = replicated.of_kind("HorizontalPodAutoscaler")
    web = replicated.deployments()["web"]

    assert budget["spec"]["selector"] == web["spec"]["selector"]
    assert scaler["spec"]["scaleTargetRef"]["name"] == web["metadata"]["name"]
    assert "replicas" not in web["spec"]


def test_ingress_leads_to_the_service_with_bodies_of_any_size(replicated: Rendered) -> None:
    (ingress,) = replicated.of_kind("Ingress")
    (service,) = replicated.of_kind("Service")
    (rule,) = ingress["spec"]["rules"]

    backend = rule["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": service["metadata"]["name"], "port": {"name": "http"}}
    annotations = ingress["metadata"]["annotations"]
    assert annotations["nginx.ingress.kubernetes.io/proxy-body-size"] == "0"
    assert annotations["nginx.ingress.kubernetes.io/proxy-request-buffering"] == "off"


def test_a_route_leads_to_the_service() -> None:
    found = render_set(HELM, "replicated with a secret that is there")
    (route,) = found.of_kind("HTTPRoute")
    (service,) = found.of_kind("Service")

    (backend,) = route["spec"]["rules"][0]["backendRefs"]
    assert backend == {
        "name": service["metadata"]["name"],
        "port": service["spec"]["ports"][0]["port"],
    }


def test_only_web_pods_take_requests(replicated: Rendered) -> None:
    allowed = {
        found["metadata"]["name"].rpartition("-")[2]: found["spec"]["ingress"]
        for found in replicated.of_kind("NetworkPolicy")
    }

    assert allowed["others"] == []
    assert allowed["web"][0]["ports"] == [{"port": "http", "protocol": "TCP"}]


def test_a_network_policy_lets_the_test_pod_ask(replicated: Rendered) -> None:
    (test,) = replicated.of_kind("Pod")
    (web,) = (
        found
        for found in replicated.of_kind("NetworkPolicy")
        if found["metadata"]["name"].endswith("-web")
    )

    selectors = [
        source["podSelector"]["matchLabels"].items()
        for source in web["spec"]["ingress"][0]["from"]
        if "podSelector" in source
    ]
    assert any(selector <= test["metadata"]["labels"].items() for selector in selectors)


def test_prometheus_asks_with_the_token_of_the_secret() -> None:
    (monitor,) = watched().of_kind("ServiceMonitor")

    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["authorization"]["credentials"] == {
        "name": "berth-keys",
        "key": "METRICS_TOKEN",
    }


def test_prometheus_finds_the_service() -> None:
    (monitor,) = watched().of_kind("ServiceMonitor")
    (service,) = watched().of_kind("Service")

    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    assert wanted <= service["metadata"]["labels"].items()


def test_the_alerts_are_those_that_promtool_tried() -> None:
    (rule,) = watched().of_kind("PrometheusRule")

    tried = yaml.safe_load((ROOT / "deploy/observability/berth.rules.yaml").read_text())
    assert rule["spec"] == tried


def test_the_dashboard_is_the_one_that_is_tried() -> None:
    (shown,) = (found for found in watched().of_kind("ConfigMap") if "berth.json" in found["data"])

    tried = json.loads((ROOT / "deploy/observability/dashboard.json").read_text())
    assert json.loads(shown["data"]["berth.json"]) == tried


def configuration_of(found: Rendered) -> Document:
    (settings,) = (one for one in found.of_kind("ConfigMap") if "config.yaml" in one["data"])
    return settings


def watched() -> Rendered:
    return render_set(HELM, "replicated with a secret that is there")


# --- What runs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SETS)
def test_each_deployment_starts_a_part_that_berth_has(name: str) -> None:
    started = {
        component: container(deployment["spec"]["template"])["args"]
        for component, deployment in render_set(HELM, name).deployments().items()
    }

    if SETS[name].get("mode") == "replicated":
        assert started == {role: ["serve", "--only", role] for role in ROLES}
    else:
        assert started == {"web": ["serve"]}


@pytest.mark.parametrize("name", [name for name in SETS if name.startswith("replicated")])
def test_tables_are_made_before_the_pods_change(name: str) -> None:
    (job,) = render_set(HELM, name).of_kind("Job")
    command, *arguments = container(job["spec"]["template"])["args"]

    load_command_class("config", command).create_parser("berth", command).parse_args(arguments)
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"


@pytest.mark.parametrize("name", [name for name in SETS if name.startswith("replicated")])
def test_what_the_hook_needs_is_there_before_the_release(name: str) -> None:
    found = render_set(HELM, name)
    (job,) = found.of_kind("Job")
    pod = job["spec"]["template"]["spec"]
    (source,) = pod["containers"][0]["envFrom"]
    before = {
        secret["metadata"]["name"]: int(secret["metadata"]["annotations"]["helm.sh/hook-weight"])
        for secret in found.of_kind("Secret")
        if "helm.sh/hook" in secret["metadata"].get("annotations", {})
    }

    weight = int(job["metadata"]["annotations"]["helm.sh/hook-weight"])
    assert "serviceAccountName" not in pod
    assert (
        source["secretRef"]["name"] == "berth-keys" or before[source["secretRef"]["name"]] < weight
    )


def test_probes_ask_what_berth_answers(rendered: Rendered) -> None:
    web = container(rendered.deployments()["web"]["spec"]["template"])

    asked = {name: web[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    assert asked == {
        "startup": {"path": "/livez", "port": "http"},
        "liveness": {"path": "/livez", "port": "http"},
        "readiness": {"path": "/readyz", "port": "http"},
    }
    assert {question["path"] for question in asked.values()} <= PATHS
    assert (
        str(web["ports"][0]["containerPort"])
        == variables(rendered.deployments()["web"]["spec"]["template"])["PORT"]
    )


def test_a_start_may_wait_as_long_as_others_may_prepare_the_database(rendered: Rendered) -> None:
    probe = container(rendered.deployments()["web"]["spec"]["template"])["startupProbe"]

    assert probe["periodSeconds"] * probe["failureThreshold"] > 600


def test_a_pod_has_the_time_to_finish_what_is_under_way(rendered: Rendered) -> None:
    pod = rendered.deployments()["web"]["spec"]["template"]
    pause = int(container(pod)["lifecycle"]["preStop"]["exec"]["command"][1])

    assert pod["spec"]["terminationGracePeriodSeconds"] > pause + DRAIN_SECONDS


def test_pods_may_do_nothing_but_their_work(rendered: Rendered) -> None:
    for pod in rendered.pods():
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert container(pod)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_services_leave_no_variables_that_look_like_keys(rendered: Rendered) -> None:
    assert all(pod["spec"]["enableServiceLinks"] is False for pod in rendered.pods())


def berths(rendered: Rendered) -> list[Document]:
    """Pods that run commands of Berth."""
    makers = rendered.of_kind("Deployment") + rendered.of_kind("Job")
    return [maker["spec"]["template"] for maker in makers]


def test_pods_can_write_where_berth_writes(rendered: Rendered) -> None:
    for pod in berths(rendered):
        mounts = {mount["mountPath"]: mount for mount in container(pod)["volumeMounts"]}
        for folder in filter(None, ("/tmp", variables(pod)["BERTH_DATA"])):
            assert not mounts[folder].get("readOnly")


def test_replicas_have_no_volume_but_for_temporary_files() -> None:
    for pod in berths(render_set(HELM, "replicated with all")):
        volumes = pod["spec"]["volumes"]
        assert [volume["name"] for volume in volumes if "configMap" not in volume] == ["tmp"]
        assert variables(pod)["BERTH_DATA"] == ""


def test_every_mount_has_its_volume(rendered: Rendered) -> None:
    for pod in rendered.pods():
        mounted = {mount["name"] for mount in container(pod).get("volumeMounts", [])}
        assert mounted == {volume["name"] for volume in pod["spec"].get("volumes", [])}


def test_a_single_pod_keeps_its_data_in_a_claim() -> None:
    found = render_set(HELM, "single")
    (claim,) = found.of_kind("PersistentVolumeClaim")
    (deployment,) = found.of_kind("Deployment")
    volumes = {
        volume["name"]: volume for volume in deployment["spec"]["template"]["spec"]["volumes"]
    }

    assert volumes["data"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}


def test_the_program_of_the_test_pod_is_python(rendered: Rendered) -> None:
    (test,) = rendered.of_kind("Pod")
    python, _, program = container(test)["command"]

    compile(program, "answers", "exec")
    assert python == "python"
    assert container(test)["args"][0] == rendered.of_kind("Service")[0]["metadata"]["name"]


# --- Keys ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SETS)
def test_berth_understands_its_configuration(name: str, tmp_path: Path) -> None:
    found = render_set(HELM, name)
    settings = configuration_of(found)
    file = tmp_path / "config.yaml"
    file.write_text(settings["data"]["config.yaml"])
    secrets = {
        f"BERTH_{key}": value
        for secret in found.of_kind("Secret")
        for key, value in secret["stringData"].items()
    }

    loaded = load_configuration({**secrets, "BERTH_DATA": str(tmp_path)}, file=file)
    given = SETS[name].get("config", {})
    read = json.loads(loaded.configuration.model_dump_json(include=set(given)))
    assert (read, loaded.warnings) == (given, ())


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("single", ("http", "")),
        ("replicated with all", ("https", "registry.example.com")),
        ("replicated with a secret that is there", ("https", "registry.example.com")),
    ],
)
def test_clients_are_sent_to_the_host_that_leads_in(name: str, address: tuple[str, str]) -> None:
    settings = configuration_of(render_set(HELM, name))
    read = yaml.safe_load(settings["data"]["config.yaml"])

    found = (read.get("PREFERRED_URL_SCHEME", "http"), read.get("SERVER_HOSTNAME", ""))
    assert found == address


def test_what_the_configuration_says_counts_more_than_the_ingress() -> None:
    found = render(
        HELM,
        {
            **SINGLE,
            "config": {"SERVER_HOSTNAME": "other.example.com"},
            "ingress": {"enabled": True, "host": "registry.example.com"},
        },
    )

    read = yaml.safe_load(found.of_kind("ConfigMap")[0]["data"]["config.yaml"])
    assert read["SERVER_HOSTNAME"] == "other.example.com"


def test_variables_mean_something_to_berth(rendered: Rendered) -> None:
    for deployment in rendered.of_kind("Deployment"):
        names = set(variables(deployment["spec"]["template"])) - {"AWS_REGION"}
        assert names <= KNOWN


@pytest.mark.parametrize("name", [name for name in SETS if name.startswith("replicated")])
def test_all_pods_share_one_secret(name: str) -> None:
    sources = {
        json.dumps(container(deployment["spec"]["template"])["envFrom"])
        for deployment in render_set(HELM, name).of_kind("Deployment")
    }

    assert len(sources) == 1


def test_secrets_stand_in_secrets_only(replicated: Rendered) -> None:
    elsewhere = [found for found in replicated.documents if found["kind"] != "Secret"]

    assert "hidden" not in json.dumps(elsewhere)
    assert SECRETS["SECRET_KEY"] not in json.dumps(elsewhere)


def test_the_hook_gets_the_secret_it_needs_and_no_other(replicated: Rendered) -> None:
    (secret,) = (
        found
        for found in replicated.of_kind("Secret")
        if found["metadata"]["name"].endswith("-migrate")
    )

    assert secret["stringData"] == {"DB_URI": SECRETS["DB_URI"]}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("secret.values.ADMIN_PASSWORD", "another password"),
        ("config.LOG_LEVEL", "DEBUG"),
    ],
)
def test_pods_begin_anew_when_what_they_read_changes(path: str, value: str) -> None:
    before, after = (
        render(HELM, values).deployments()["worker"]["spec"]["template"]["metadata"]["annotations"]
        for values in (REPLICATED, changed(REPLICATED, path, value))
    )

    assert before != after


# --- Values that are refused --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("mode", "cluster"),
        ("imag", {}),
        ("image.repository", "HTTPS://registry"),
        ("image.digest", "sha256:12"),
        ("image.pullPolicy", "Sometimes"),
        ("web.replicas", 0),
        ("web.replicas", "two"),
        ("web.workers", 257),
        ("web.autoscaling.enabled", "yes"),
        ("web.disruptionBudget.maxUnavailable", 0),
        ("beat.replica", 1),
        ("service.port", 65536),
        ("service.type", "ExternalName"),
        ("ingress.host", "https://registry.example.com"),
        ("persistence.size", "much"),
        ("persistence.accessModes", []),
        ("secret.values.SECRET_KEY", "short"),
        ("secret.values.SECRET_KEY", 10**40),
        ("secret.values.secret_key", "k" * 50),
        ("terminationGracePeriodSeconds", 20),
        ("config.server_hostname", "registry.example.com"),
        ("config.GITHUB_LOGIN_CONFIG", {"CLIENT_SECRET": "x"}),
        *((f"config.{key}", "x") for key in sorted(SECRET_KEYS)),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(path: str, value: Any) -> None:
    said = refusal(HELM, changed(SINGLE, path, value))

    assert path.rpartition(".")[2] in said


@EVERY_HELM
@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, "image.repository is empty"),
        ({"image": IMAGE, "mode": "replicated"}, "needs secret.values.SECRET_KEY"),
        (
            changed(REPLICATED, "secret.values", {"SECRET_KEY": "k" * 50}),
            "needs secret.values.DB_URI",
        ),
        (
            changed(REPLICATED, "secret.values.DB_URI", "sqlite:///db.sqlite3"),
            "needs PostgreSQL",
        ),
        (
            changed(REPLICATED, "secret.values.DISTRIBUTED_STORAGE_CONFIG", ""),
            "needs DISTRIBUTED_STORAGE_CONFIG",
        ),
        (changed(REPLICATED, "secret.existing", "keys"), "give one of them"),
        (
            changed(
                SINGLE,
                "config.DISTRIBUTED_STORAGE_CONFIG",
                SECRETS["DISTRIBUTED_STORAGE_CONFIG"],
            ),
            "config holds the secret key of a store",
        ),
        (
            {**SINGLE, "ingress": {"enabled": True}},
            "ingress.enabled needs ingress.host",
        ),
        (
            {**SINGLE, "gateway": {"enabled": True, "host": "registry.example.com"}},
            "gateway.enabled needs gateway.host and gateway.parentRefs",
        ),
        (
            {**SINGLE, "ingress": {"enabled": True}, "gateway": {"enabled": True}},
            "one of them leads to Berth",
        ),
        (
            changed(REPLICATED, "web.autoscaling", {"enabled": True, "minReplicas": 9}),
            "minReplicas is more than maxReplicas",
        ),
        (
            changed(REPLICATED, "metrics.serviceMonitor", {"enabled": True}),
            "metrics.serviceMonitor.enabled needs secret.values.METRICS_TOKEN",
        ),
    ],
)
def test_values_that_make_no_sense_together_are_refused_in_a_sentence(
    helm: str, values: dict[str, Any], reason: str
) -> None:
    assert reason in refusal(helm, values)
