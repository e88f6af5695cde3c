"""Ways to a registry: Routes that routers admit or do not, and who may ask which pods."""

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from config.keys.loading import load_configuration
from deploy.operator.certificates import self_signed
from deploy.operator.kinds import (
    DEPLOYMENT,
    NETWORK_POLICY,
    OPENSHIFT_INGRESS,
    PROMETHEUS_RULE,
    ROUTE,
    SECRET,
    SERVICE,
    SERVICE_MONITOR,
    Manifest,
)
from deploy.operator.reconciliation import BUSY
from deploy.operator.registry import encoded
from deploy.operator.settings import Settings
from tests.deploy.chart import IMAGE, SECRETS, render
from tests.deploy.operator.pretended import (
    NAME,
    NAMESPACE,
    NOW,
    SETTINGS,
    PretendedCluster,
    condition,
    finish,
    found,
    look,
    make_registry,
    mounted,
    status,
)

HOST = "quay-infra.apps.example.com"
POLICIES = NETWORK_POLICY.plural + NETWORK_POLICY.group
STORES = ("postgres", "redis", "s3")


@pytest.fixture
def openshift() -> PretendedCluster:
    return PretendedCluster(served=(ROUTE, SERVICE_MONITOR, PROMETHEUS_RULE))


@pytest.fixture
def cluster() -> PretendedCluster:
    return PretendedCluster()


def bring_certificate(cluster: PretendedCluster, values: Mapping[str, Any] | None = None) -> bytes:
    """In the bundle; the value is the certificate."""
    certificate, key = self_signed("registry.example.com", now=NOW)
    config = yaml.safe_dump({"SERVER_HOSTNAME": "registry.example.com", **(values or {})}).encode()
    files = {"config.yaml": config, "ssl.cert": certificate, "ssl.key": key}
    cluster.put(SECRET, "bundle", data=encoded(files))
    make_registry(cluster, {"configBundleSecret": "bundle"})
    return certificate


# --- Routes -------------------------------------------------------------------------------------


def test_the_router_has_the_certificate_where_nobody_brings_one(
    openshift: PretendedCluster,
) -> None:
    make_registry(openshift)

    finish(openshift)

    assert found(openshift, ROUTE)["spec"]["tls"] == {
        "termination": "edge",
        "insecureEdgeTerminationPolicy": "Redirect",
    }


def test_the_router_reads_a_certificate_that_a_secret_holds(openshift: PretendedCluster) -> None:
    parts = zip(("tls.crt", "tls.key"), self_signed(HOST, now=NOW), strict=True)
    openshift.put(SECRET, "own-tls", data=encoded(dict(parts)))
    tls = {"kind": "tls", "managed": False, "secretRef": {"name": "own-tls"}}
    make_registry(openshift, {"components": [tls]})

    finish(openshift)

    spec = found(openshift, ROUTE)["spec"]["tls"]
    assert (spec["termination"], spec["externalCertificate"]) == ("edge", {"name": "own-tls"})


def test_a_certificate_of_the_bundle_is_served_by_the_pods(openshift: PretendedCluster) -> None:
    certificate = bring_certificate(openshift)

    finish(openshift)

    files = mounted(openshift)
    assert found(openshift, ROUTE)["spec"]["tls"]["termination"] == "passthrough"
    assert yaml.safe_load(files["config.yaml"])["TLS_CERTIFICATE"] == "/etc/berth/ssl.cert"
    assert files["ssl.cert"] == certificate


def test_no_key_stands_in_a_route(openshift: PretendedCluster) -> None:
    bring_certificate(openshift)

    finish(openshift)

    assert "PRIVATE KEY" not in str(found(openshift, ROUTE))


def test_berth_understands_a_configuration_with_a_certificate(
    openshift: PretendedCluster, tmp_path: Any
) -> None:
    bring_certificate(openshift)
    finish(openshift)
    file = tmp_path / "config.yaml"
    file.write_bytes(mounted(openshift)["config.yaml"])

    loaded = load_configuration({"BERTH_DATA": str(tmp_path)}, file=file)

    assert loaded.configuration.TLS_KEY == "/etc/berth/ssl.key"


def test_route_service_and_pods_speak_of_one_port(openshift: PretendedCluster) -> None:
    bring_certificate(openshift)

    finish(openshift)

    web = found(openshift, DEPLOYMENT, f"{NAME}-web")["spec"]["template"]["spec"]["containers"][0]
    asked = [web[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")]
    (monitored,) = found(openshift, SERVICE_MONITOR)["spec"]["endpoints"]
    assert {
        found(openshift, ROUTE)["spec"]["port"]["targetPort"],
        found(openshift, SERVICE)["spec"]["ports"][0]["targetPort"],
        found(openshift, NETWORK_POLICY, f"{NAME}-web")["spec"]["ingress"][0]["ports"][0]["port"],
        web["ports"][0]["name"],
        monitored["port"],
        *(question["port"] for question in asked),
    } == {"https"}
    assert {question["scheme"] for question in asked} == {"HTTPS"}
    assert monitored["tlsConfig"]["serverName"] == "registry.example.com"


def test_what_a_router_cannot_read_makes_nobody_believed(openshift: PretendedCluster) -> None:
    bring_certificate(openshift)

    finish(openshift, settings=Settings(image="berth:1", version="1", trusted_proxies=("10/8",)))

    assert "TRUSTED_PROXIES" not in yaml.safe_load(mounted(openshift)["config.yaml"])


def test_the_ingress_serves_a_certificate_of_the_bundle_and_pods_do_not(
    cluster: PretendedCluster,
) -> None:
    bring_certificate(cluster)

    finish(cluster)

    assert "TLS_CERTIFICATE" not in yaml.safe_load(mounted(cluster)["config.yaml"])


def admit(cluster: PretendedCluster, host: str, **told: str) -> None:
    condition = {"type": "Admitted", **told}
    found_route = cluster.objects[ROUTE.plural + ROUTE.group, NAME]
    found_route["status"] = {"ingress": [{"host": host, "conditions": [condition]}]}


def answered(cluster: PretendedCluster, host: str = HOST, **told: str) -> None:
    """A registry whose router answered this, and no more since."""
    make_registry(cluster)
    finish(cluster)
    admit(cluster, host, **told)
    look(cluster)


def test_an_address_is_told_once_a_router_leads_to_it(openshift: PretendedCluster) -> None:
    answered(openshift, status="True")

    assert status(openshift)["registryEndpoint"] == f"https://{HOST}"


@pytest.mark.parametrize(
    ("host", "told"), [(HOST, "False"), (HOST, "Unknown"), ("other.example.com", "True")]
)
def test_an_address_that_no_router_leads_to_is_not_told(
    openshift: PretendedCluster, host: str, told: str
) -> None:
    answered(openshift, host, status=told)

    assert status(openshift)["registryEndpoint"] == ""


def test_what_a_router_says_is_told(openshift: PretendedCluster) -> None:
    answered(openshift, status="False", reason="HostAlreadyClaimed", message="it is of another")

    told = condition(openshift, "ComponentRouteReady")
    assert (told["status"], told["reason"]) == ("False", "RouteNotAdmitted")
    assert "it is of another" in told["message"]


def test_what_waits_for_a_router_is_looked_at_soon(openshift: PretendedCluster) -> None:
    answered(openshift, status="False")

    assert look(openshift) == BUSY


@pytest.mark.parametrize(
    ("spec", "domain"),
    [({"domain": "apps.a"}, "apps.a"), ({"domain": "apps.a", "appsDomain": "b"}, "b")],
)
def test_a_host_is_below_the_domain_of_the_cluster(
    openshift: PretendedCluster, spec: dict[str, str], domain: str
) -> None:
    openshift.put(OPENSHIFT_INGRESS, "cluster", spec=spec)
    make_registry(openshift)

    finish(openshift, settings=Settings(image="berth:1", version="1"))

    assert found(openshift, ROUTE)["spec"]["host"] == f"quay-infra.{domain}"


def test_a_route_that_is_not_managed_is_not_waited_for(openshift: PretendedCluster) -> None:
    make_registry(openshift, {"components": [{"kind": "route", "managed": False}]})

    finish(openshift)

    assert openshift.get(ROUTE, NAMESPACE, NAME) is None
    assert status(openshift)["registryEndpoint"] == "http://quay.infra.svc"
    assert status(openshift)["currentVersion"] == SETTINGS.version


def test_a_route_that_is_managed_no_more_goes(openshift: PretendedCluster) -> None:
    make_registry(openshift)
    finish(openshift)

    make_registry(openshift, {"components": [{"kind": "route", "managed": False}]})
    finish(openshift)

    assert openshift.get(ROUTE, NAMESPACE, NAME) is None


def test_a_route_that_somebody_changed_is_as_before(openshift: PretendedCluster) -> None:
    make_registry(openshift)
    finish(openshift)
    openshift.objects[ROUTE.plural + ROUTE.group, NAME]["spec"]["to"]["name"] = "elsewhere"

    finish(openshift)

    assert found(openshift, ROUTE)["spec"]["to"]["name"] == NAME


# --- Who may ask --------------------------------------------------------------------------------


def chosen(selector: Manifest, labels: Mapping[str, str]) -> bool:
    """As Kubernetes chooses pods."""
    for expression in selector.get("matchExpressions", []):
        is_in = labels.get(expression["key"]) in expression["values"]
        if is_in != (expression["operator"] == "In"):
            return False
    return bool(selector.get("matchLabels", {}).items() <= labels.items())


def labels(component: str, instance: str = NAME) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "berth",
        "app.kubernetes.io/instance": instance,
        "app.kubernetes.io/component": component,
    }


def may_ask(cluster: PretendedCluster, asker: Mapping[str, str], component: str) -> bool:
    """Whether a pod of the same namespace may: policies add to what others allow."""
    about = [
        manifest["spec"]
        for (place, _name), manifest in cluster.objects.items()
        if place == POLICIES and chosen(manifest["spec"]["podSelector"], labels(component))
    ]
    return not about or any(
        "from" not in rule
        or any(chosen(source["podSelector"], asker) for source in rule["from"] if len(source) == 1)
        for spec in about
        for rule in spec["ingress"]
    )


@pytest.fixture
def guarded(cluster: PretendedCluster) -> PretendedCluster:
    make_registry(cluster)
    finish(cluster)
    return cluster


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("asker", ["web", "worker", "beat", "migrate"])
def test_berth_may_ask_its_stores(guarded: PretendedCluster, asker: str, store: str) -> None:
    assert may_ask(guarded, labels(asker), store)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize(
    "asker", [{"app": "somebody"}, labels("web", "another"), labels("postgres"), labels("s3")]
)
def test_nobody_else_may_ask_a_store(
    guarded: PretendedCluster, asker: dict[str, str], store: str
) -> None:
    assert not may_ask(guarded, asker, store)


@pytest.mark.parametrize("component", ["worker", "beat", "migrate"])
def test_nobody_may_ask_what_answers_nothing(guarded: PretendedCluster, component: str) -> None:
    assert not may_ask(guarded, labels("web"), component)


def test_everybody_may_ask_what_answers_requests(guarded: PretendedCluster) -> None:
    assert may_ask(guarded, {"app": "somebody"}, "web")


def test_namespaces_that_may_ask_can_be_named(cluster: PretendedCluster) -> None:
    make_registry(cluster)

    finish(
        cluster,
        settings=Settings.read({"BERTH_IMAGE": "berth:1", "CLIENT_NAMESPACES": "ingress, watch"}),
    )

    (rule,) = found(cluster, NETWORK_POLICY, f"{NAME}-web")["spec"]["ingress"]
    (source,) = rule["from"]
    (expression,) = source["namespaceSelector"]["matchExpressions"]
    assert (expression["key"], expression["values"]) == (
        "kubernetes.io/metadata.name",
        ["ingress", "watch"],
    )


@pytest.mark.parametrize("store", STORES)
def test_a_store_asks_nobody(guarded: PretendedCluster, store: str) -> None:
    spec = found(guarded, NETWORK_POLICY, f"{NAME}-{store}")["spec"]

    assert ("Egress" in spec["policyTypes"], spec["egress"]) == (True, [])


def test_policies_name_ports_that_pods_have(guarded: PretendedCluster) -> None:
    for store in STORES:
        (rule,) = found(guarded, NETWORK_POLICY, f"{NAME}-{store}")["spec"]["ingress"]
        stateful_set = guarded.objects["statefulsets" + "apps", f"{NAME}-{store}"]
        (container,) = stateful_set["spec"]["template"]["spec"]["containers"]
        assert [port["port"] for port in rule["ports"]] == [container["ports"][0]["name"]]


def test_a_store_that_is_no_more_has_no_policy(guarded: PretendedCluster) -> None:
    make_registry(guarded, {"components": [{"kind": "redis", "managed": False}]})

    finish(guarded)

    assert guarded.get(NETWORK_POLICY, NAMESPACE, f"{NAME}-redis") is None


@pytest.mark.parametrize("which", ["web", "others"])
def test_policies_are_those_of_the_chart(guarded: PretendedCluster, which: str) -> None:
    values = {"image": IMAGE, "mode": "replicated", "secret": {"values": SECRETS}}
    rendered = render("helm4", {**values, "networkPolicy": {"enabled": True}})
    of_chart = next(
        manifest["spec"]
        for manifest in rendered.of_kind("NetworkPolicy")
        if manifest["metadata"]["name"].endswith(f"-{which}")
    )

    of_operator = found(guarded, NETWORK_POLICY, f"{NAME}-{which}")["spec"]

    same = {"policyTypes": None, "ingress": None}
    assert {key: of_operator[key] for key in same} == {key: of_chart[key] for key in same}
    assert of_operator["podSelector"].get("matchExpressions") == of_chart["podSelector"].get(
        "matchExpressions"
    )
