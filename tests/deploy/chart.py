"""The chart as Helm renders it, and values to render it with."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.clients.run import client
from tests.live import ROOT

CHART = ROOT / "deploy/helm/berth"
# Helm built by us knows no version of its own to render for.
KUBERNETES = "1.30.0"

Values = Mapping[str, Any]
Document = dict[str, Any]

SECRETS: dict[str, Any] = {
    "SECRET_KEY": "k" * 50,
    "DB_URI": "postgresql://berth:hidden-password@db:5432/berth",
    "DISTRIBUTED_STORAGE_CONFIG": {
        "default": [
            "S3Storage",
            {
                "s3_bucket": "blobs",
                "s3_region": "eu-central-1",
                "s3_access_key": "access",
                "s3_secret_key": "hidden-store-key",
            },
        ]
    },
    "ACME_LOGIN_CONFIG": {
        "OIDC_SERVER": "https://login.example.com/",
        "CLIENT_ID": "berth",
        "CLIENT_SECRET": "hidden-client-secret",
    },
    "ADMIN_PASSWORD": "hidden-admin-password",
}
IMAGE = {"repository": "registry.example.com/infra/berth"}
SINGLE: Values = {"image": IMAGE}
REPLICATED: Values = {"image": IMAGE, "mode": "replicated", "secret": {"values": SECRETS}}

SETS: Mapping[str, Values] = {
    "single": SINGLE,
    "single without a volume": {
        **SINGLE,
        "persistence": {"enabled": False},
        "image": {**IMAGE, "digest": f"sha256:{'0' * 64}"},
        "serviceAccount": {"create": False},
        "service": {"type": "NodePort", "port": 8080, "nodePort": 30080},
    },
    "single with a claim that is there": {
        **SINGLE,
        "fullnameOverride": "registry",
        "persistence": {"existingClaim": "kept"},
        "secret": {"values": {"MAIL_PASSWORD": "hidden"}},
    },
    "replicated": REPLICATED,
    "replicated with all": {
        **REPLICATED,
        "config": {
            "FEATURE_USER_CREATION": True,
            "OCI_CHUNK_MIN_LENGTH": 5242880,
            "TRUSTED_PROXIES": ["10.0.0.0/8"],
        },
        "imagePullSecrets": [{"name": "login"}],
        "web": {
            "autoscaling": {"enabled": True},
            "disruptionBudget": {"maxUnavailable": "25%"},
        },
        "ingress": {
            "enabled": True,
            "className": "nginx",
            "host": "registry.example.com",
            "tlsSecret": "registry-tls",
        },
        "networkPolicy": {"enabled": True, "from": [{"namespaceSelector": {}}]},
        "serviceAccount": {"annotations": {"example.com/role": "registry"}},
        "podAnnotations": {"example.com/a": "b"},
        "podLabels": {"team": "infra"},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "infra", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "high",
        "extraEnv": [{"name": "AWS_REGION", "value": "eu-central-1"}],
        "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ssl/own"}],
    },
    "replicated with a secret that is there": {
        "image": IMAGE,
        "mode": "replicated",
        "secret": {"existing": "berth-keys", "revision": "2"},
        "gateway": {
            "enabled": True,
            "host": "registry.example.com",
            "parentRefs": [{"name": "public"}],
        },
        "networkPolicy": {"enabled": True},
        "metrics": {
            "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
            "rules": {"enabled": True},
            "dashboard": {"enabled": True},
        },
    },
}


@dataclass(frozen=True, slots=True)
class Rendered:
    documents: tuple[Document, ...]

    def of_kind(self, kind: str) -> list[Document]:
        return [document for document in self.documents if document["kind"] == kind]

    def deployments(self) -> dict[str, Document]:
        """By component."""
        return {
            document["metadata"]["labels"]["app.kubernetes.io/component"]: document
            for document in self.of_kind("Deployment")
        }

    def pods(self) -> Iterator[Document]:
        """Every pod, or the template of one, with its metadata and spec."""
        for document in self.documents:
            match document["kind"]:
                case "Pod":
                    yield document
                case "Deployment" | "Job":
                    yield document["spec"]["template"]


def run_helm(
    helm: str, command: str, values: Values, *more: str, chart: Path = CHART
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [client(helm), command, *more, chart, "--values", "-"],
        input=json.dumps(values),
        capture_output=True,
        text=True,
        check=False,
    )


def refusal(helm: str, values: Values) -> str:
    """What Helm says instead of rendering the chart with ``values``."""
    done = run_helm(helm, "template", values, "release", "--kube-version", KUBERNETES)
    assert done.returncode != 0, done.stdout
    return done.stderr


@cache
def render_set(helm: str, name: str) -> Rendered:
    return render(helm, SETS[name])


def render(helm: str, values: Values, *, chart: Path = CHART) -> Rendered:
    done = run_helm(
        helm,
        "template",
        values,
        *("release", "--namespace", "registry", "--kube-version", KUBERNETES),
        chart=chart,
    )
    assert done.returncode == 0, done.stderr
    return Rendered(tuple(found for found in yaml.safe_load_all(done.stdout) if found))


def changed(values: Values, path: str, value: object) -> Values:
    """A copy of ``values`` in which ``value`` stands at the dotted ``path``."""
    copy = deepcopy(dict(values))
    place = copy
    *parents, last = path.split(".")
    for parent in parents:
        place = place.setdefault(parent, {})
    place[last] = value
    return copy
