"""The operator as it is installed in a real cluster: what tests in one begin with."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.deploy.operator.control_plane import (
    OPERATOR,
    ControlPlane,
    controllers,
    logged,
    missing_programs,
    running_control_plane,
    until,
)
from tests.live import ROOT, free_port

NEEDS_CLUSTER: Final = [
    pytest.mark.xdist_group("cluster"),
    pytest.mark.skipif(
        bool(missing_programs()),
        reason=f"no control plane: {', '.join(missing_programs())} is missing (make cluster)",
    ),
]
IMAGE: Final = "registry.example.com/berth:1.0.0"
DOMAIN: Final = "apps.example.com"
_INSTALL: Final = ROOT / "deploy/operator/install"


@contextmanager
def installed(folder: Path) -> Iterator[ControlPlane]:
    """A cluster with what ``kubectl apply -k`` brings. The operator itself does not run yet."""
    with running_control_plane(folder) as plane:
        plane.kubectl("apply", "-k", str(_INSTALL))
        crds = ("crd/quayregistries.quay.redhat.com", "crd/berths.berth.dev")
        plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", *crds)
        with controllers(plane):
            yield plane


@contextmanager
def operator(
    plane: ControlPlane, image: str = IMAGE, *, domain: str = DOMAIN, namespaces: str = ""
) -> Iterator["subprocess.Popen[bytes]"]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(plane.folder),
        "KUBECONFIG": str(plane.kubeconfig(OPERATOR)),
        "BERTH_IMAGE": image,
        "INGRESS_DOMAIN": domain,
        "WATCH_NAMESPACES": namespaces,
        "LIVENESS": f"http://127.0.0.1:{free_port()}/healthz",
    }
    command = [sys.executable, "-m", "deploy.operator"]
    log = plane.folder / "operator.log"
    with logged(command, log=log, cwd=ROOT, environment=environment) as process:
        yield process


def manifest_of(namespace: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "quay.redhat.com/v1",
        "kind": "QuayRegistry",
        "metadata": {"name": "quay", "namespace": namespace},
        "spec": spec,
    }


def create(plane: ControlPlane, manifest: dict[str, Any]) -> None:
    plane.kubectl("create", "-f", "-", stdin=json.dumps(manifest))


def made(plane: ControlPlane, namespace: str) -> None:
    """A registry whose ``spec`` is empty, and runs."""
    create(plane, manifest_of(namespace, {}))
    until(lambda: version(plane, namespace))


def endpoint(plane: ControlPlane, namespace: str) -> str:
    template = "jsonpath={ .status.registryEndpoint }"
    return plane.kubectl("get", "quayregistry", "-n", namespace, "quay", "-o", template)


def condition(plane: ControlPlane, namespace: str, name: str, kind: str = "quayregistry") -> str:
    """Its status and its reason."""
    for found in _registry(plane, namespace, kind).get("status", {}).get("conditions", []):
        if found["type"] == name:
            return f"{found['status']} {found['reason']}"
    return ""


def version(plane: ControlPlane, namespace: str, kind: str = "quayregistry") -> str:
    return str(_registry(plane, namespace, kind).get("status", {}).get("currentVersion", ""))


def objects(plane: ControlPlane, namespace: str) -> list[str]:
    kinds = "deploy,sts,svc,ingress,job,hpa,pdb,pvc,secret,sa"
    listed = plane.kubectl("get", kinds, "-n", namespace, "-o", "name").split()
    return sorted(name for name in listed if not name.endswith("serviceaccount/default"))


def _registry(plane: ControlPlane, namespace: str, kind: str) -> dict[str, Any]:
    found = json.loads(plane.kubectl("get", kind, "-n", namespace, "quay", "-o", "json"))
    assert isinstance(found, dict)
    return found
