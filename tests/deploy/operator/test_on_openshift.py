"""The operator in a real cluster that gets OpenShift's API while it runs. Routers are the tests."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.operator.certificates import self_signed
from tests.deploy.operator.control_plane import ControlPlane, Node, until
from tests.deploy.operator.control_plane.installed import (
    NEEDS_CLUSTER,
    condition,
    create,
    endpoint,
    manifest_of,
    objects,
    operator,
    version,
)
from tests.deploy.operator.pretended import NOW

pytestmark = NEEDS_CLUSTER

API = Path(__file__).parent / "control_plane/openshift.yaml"
DOMAIN = "apps.cluster.example"
HOST = "registry.example.com"
BEFORE, SHARED, OWN, REFUSED = NAMESPACES = ("before", "edge", "own", "refused")


@pytest.fixture(scope="module", autouse=True)
def openshift(plane: ControlPlane, node: Node) -> Iterator[None]:
    """Registries in all namespaces, of which one was there before the API was."""
    with operator(plane, domain=""):
        for namespace in NAMESPACES:
            plane.kubectl("create", "namespace", namespace)
        certificate, key = self_signed(HOST, now=NOW)
        bundle(plane, BEFORE, {"SERVER_HOSTNAME": "before.example.com"})
        bundle(plane, OWN, {"SERVER_HOSTNAME": HOST}, ssl_cert=certificate, ssl_key=key)
        named = {"configBundleSecret": "bundle"}
        create(plane, manifest_of(BEFORE, named))
        until(lambda: version(plane, BEFORE))
        assert "ingress.networking.k8s.io/quay" in objects(plane, BEFORE)
        names = offer_api(plane)
        create(plane, manifest_of(SHARED, {}))
        create(plane, manifest_of(REFUSED, {}))
        create(plane, manifest_of(OWN, named))
        wake(plane, BEFORE)
        yield
        for namespace in NAMESPACES:
            plane.kubectl("delete", "quayregistries", "--all", "-n", namespace, "--wait=false")
    plane.kubectl("delete", "crd", *names)


@pytest.fixture(scope="module")
def shared(plane: ControlPlane) -> str:
    """The namespace of a registry whose Route a router has admitted."""
    until(lambda: route(plane, SHARED))
    answer(plane, SHARED, "True")
    until(lambda: version(plane, SHARED))
    return SHARED


def offer_api(plane: ControlPlane) -> list[str]:
    """OpenShift's kinds, and the domain of the cluster. The value: names of the definitions."""
    plane.kubectl("apply", "-f", str(API))
    names = [document["metadata"]["name"] for document in yaml.safe_load_all(API.read_text())]
    crds = [f"crd/{name}" for name in names]
    plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", *crds)
    kind = {"apiVersion": "config.openshift.io/v1", "kind": "Ingress"}
    create(plane, {**kind, "metadata": {"name": "cluster"}, "spec": {"domain": DOMAIN}})
    return names


def bundle(plane: ControlPlane, namespace: str, values: dict[str, Any], **files: bytes) -> None:
    folder = plane.folder / namespace
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(values))
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_bytes(content)
    secret = ("create", "secret", "generic", "-n", namespace, "bundle")
    plane.kubectl(*secret, f"--from-file={folder}")


def wake(plane: ControlPlane, namespace: str) -> None:
    """The operator looks at once: something about the resource changed."""
    plane.kubectl("annotate", "quayregistry", "-n", namespace, "quay", "tests/woken=yes")


def route(plane: ControlPlane, namespace: str) -> dict[str, Any]:
    """Its ``spec``; empty: there is none."""
    names = ("-n", namespace, "quay", "--ignore-not-found", "-o", "json")
    spec = json.loads(plane.kubectl("get", "route", *names) or '{"spec": {}}')["spec"]
    assert isinstance(spec, dict)
    return spec


def answer(plane: ControlPlane, namespace: str, status: str, message: str = "") -> None:
    """What a router says of the Route."""
    said = {"type": "Admitted", "status": status, "message": message}
    host = route(plane, namespace)["host"]
    router = {"routerName": "default", "host": host, "conditions": [said]}
    plane.kubectl(
        *("patch", "route", "-n", namespace, "quay", "--subresource=status", "--type=merge"),
        *("-p", json.dumps({"status": {"ingress": [router]}})),
    )


def patch(plane: ControlPlane, namespace: str, what: str, change: dict[str, Any]) -> None:
    plane.kubectl("patch", "-n", namespace, what, "--type=merge", "-p", json.dumps(change))


def test_a_registry_that_was_there_moves_to_a_route(plane: ControlPlane) -> None:
    until(lambda: route(plane, BEFORE))
    answer(plane, BEFORE, "True")

    until(lambda: not any("ingress" in name for name in objects(plane, BEFORE)))
    assert route(plane, BEFORE)["host"] == "before.example.com"


def test_an_address_is_told_once_a_router_leads_to_it(plane: ControlPlane) -> None:
    until(lambda: route(plane, REFUSED))
    answer(plane, REFUSED, "False", "it is of another")
    until(lambda: condition(plane, REFUSED, "ComponentsCreated") == "True RouteNotAdmitted")
    told = endpoint(plane, REFUSED)

    answer(plane, REFUSED, "True")

    until(lambda: version(plane, REFUSED))
    assert (told, endpoint(plane, REFUSED)) == ("", f"https://quay-refused.{DOMAIN}")


def test_openshift_keeps_every_field_of_a_route(plane: ControlPlane, shared: str) -> None:
    assert route(plane, shared) == {
        "host": f"quay-{shared}.{DOMAIN}",
        "to": {"kind": "Service", "name": "quay", "weight": 100},
        "port": {"targetPort": "http"},
        "tls": {"termination": "edge", "insecureEdgeTerminationPolicy": "Redirect"},
        "wildcardPolicy": "None",
    }


def test_a_certificate_of_the_bundle_is_passed_through(plane: ControlPlane) -> None:
    until(lambda: route(plane, OWN))
    answer(plane, OWN, "True")
    until(lambda: version(plane, OWN))

    assert endpoint(plane, OWN) == f"https://{HOST}"
    assert route(plane, OWN)["port"] == {"targetPort": "https"}
    assert route(plane, OWN)["tls"] == {
        "termination": "passthrough",
        "insecureEdgeTerminationPolicy": "Redirect",
    }


def test_a_route_that_somebody_changed_is_as_before(plane: ControlPlane, shared: str) -> None:
    before = route(plane, shared)

    patch(plane, shared, "route/quay", {"spec": {"to": {"name": "elsewhere"}}})
    wake(plane, shared)

    until(lambda: route(plane, shared) == before)


def test_a_route_that_is_managed_no_more_goes(plane: ControlPlane, shared: str) -> None:
    components = [{"kind": "route", "managed": False}]

    patch(plane, shared, "quayregistry/quay", {"spec": {"components": components}})

    until(lambda: not route(plane, shared))
    until(lambda: endpoint(plane, shared) == f"http://quay.{shared}.svc")


def test_a_route_goes_with_the_resource(plane: ControlPlane) -> None:
    plane.kubectl("delete", "quayregistry", "-n", BEFORE, "quay")

    until(lambda: not route(plane, BEFORE))
