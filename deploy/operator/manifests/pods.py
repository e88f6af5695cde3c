"""Pods that run Berth: for requests, for jobs, for the timetable, and for new tables."""

from pathlib import Path
from typing import Any

from deploy.operator.kinds import DEPLOYMENT, JOB, SERVICE_ACCOUNT, Manifest
from deploy.operator.manifests.configuration import FOLDER
from deploy.operator.registry import Registry, fingerprint
from deploy.operator.specification import AUTOSCALER, QUAY, STORAGE

ROLES = ("web", "worker", "beat")
REPLICAS = {"web": 2, "worker": 1, "beat": 1}
WEB_PROCESSES = 2  # in each pod
KEYS_SECRET = "keys"  # noqa: S105 - the end of its name
MIGRATION_SECONDS = 1800
CONFINED: Manifest = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
_USER = 10001  # of the image
_RESOURCES: dict[str, Manifest] = {
    "web": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}},
    "worker": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
    "beat": {"requests": {"cpu": "20m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
    "migrate": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
}
_MAKE_BUCKET = Path(__file__).parents[2] / "compose/make_bucket.py"


def service_account(registry: Registry) -> Manifest:
    return registry.object(SERVICE_ACCOUNT, automountServiceAccountToken=False)


def deployment(registry: Registry, role: str, configuration: Manifest) -> Manifest:
    spec: Manifest = {
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
        },
        "selector": {"matchLabels": registry.owner.selector(role)},
        "template": _template(registry, role, configuration),
    }
    if role != "web" or not registry.managed[AUTOSCALER]:
        replicas = registry.specification.component(QUAY).overrides.replicas
        is_set = role == "web" and replicas is not None
        spec["replicas"] = replicas if is_set else REPLICAS[role]
    return registry.labelled(registry.object(DEPLOYMENT, role, role, spec=spec), QUAY)


def migration(registry: Registry, configuration: Manifest) -> Manifest:
    """The Job before a rollout; another for each configuration and image, which it tries."""
    container = {
        **_container(registry, "migrate", ["migrate", "--no-input"], configuration),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    pod: Manifest = {
        "restartPolicy": "Never",
        **pod_common(registry, user=_USER),
        "containers": [container],
        "volumes": _volumes(configuration),
    }
    if registry.managed[STORAGE]:
        pod["initContainers"] = [_bucket_maker(registry)]
    template = {"metadata": {"labels": registry.owner.labels("migrate")}, "spec": pod}
    spec = {"backoffLimit": 3, "activeDeadlineSeconds": MIGRATION_SECONDS, "template": template}
    return registry.object(JOB, f"migrate-{fingerprint(spec)}", "migrate", spec=spec)


def pod_common(registry: Registry, *, user: int) -> Manifest:
    """What every pod begins with. OpenShift chooses users itself."""
    security: Manifest = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    if not registry.on_openshift:
        security |= {
            "runAsUser": user,
            "runAsGroup": user,
            "fsGroup": user,
            "fsGroupChangePolicy": "OnRootMismatch",
        }
    pod: Manifest = {
        "automountServiceAccountToken": False,
        # A Service named berth would set BERTH_PORT and others, which look like keys of Berth.
        "enableServiceLinks": False,
        "securityContext": security,
    }
    if names := registry.settings.pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in names]
    return pod


def _template(registry: Registry, role: str, configuration: Manifest) -> Manifest:
    overrides = registry.specification.component(QUAY).overrides
    pod: Manifest = {
        "serviceAccountName": registry.name,
        **pod_common(registry, user=_USER),
        "terminationGracePeriodSeconds": 60,
        "topologySpreadConstraints": [
            {
                "topologyKey": key,
                "maxSkew": 1,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": registry.owner.selector(role)},
            }
            for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
        ],
        "containers": [_serving(registry, role, configuration)],
        "volumes": _volumes(configuration),
    }
    if overrides.affinity:
        pod["affinity"] = overrides.affinity
    metadata = {"labels": registry.owner.labels(role)}
    return registry.labelled({"metadata": metadata, "spec": pod}, QUAY)


def _serving(registry: Registry, role: str, configuration: Manifest) -> Manifest:
    overrides = registry.specification.component(QUAY).overrides
    container = _container(registry, role, ["serve", "--only", role], configuration)
    password = {"name": f"{registry.name}-{KEYS_SECRET}", "key": "ADMIN_PASSWORD"}
    container["env"] += [
        {"name": "BERTH_ADMIN_PASSWORD", "valueFrom": {"secretKeyRef": password}},
    ]
    if role == "web":
        container["env"] += [
            {"name": "HOST", "value": "0.0.0.0"},  # noqa: S104 - the pod's own network
            {"name": "PORT", "value": "8080"},
            {"name": "WORKERS", "value": str(WEB_PROCESSES)},
        ]
        container |= _answering(registry.port)
        container["resources"] = overrides.resources or container["resources"]
    names = {entry["name"] for entry in overrides.env}
    container["env"] = [entry for entry in container["env"] if entry["name"] not in names]
    container["env"] += [dict(entry) for entry in overrides.env]
    return container


def _container(
    registry: Registry, role: str, arguments: list[str], configuration: Manifest
) -> dict[str, Any]:
    return {
        "name": "migrate" if role == "migrate" else "berth",
        "image": registry.settings.image,
        "imagePullPolicy": "IfNotPresent",
        "args": arguments,
        "securityContext": CONFINED,
        "env": [
            {"name": "BERTH_DATA", "value": ""},  # nothing is kept in pods
            {"name": "BERTH_CONFIG", "value": f"{FOLDER}/config.yaml"},
        ],
        "resources": _RESOURCES[role],
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own
            {"name": "config", "mountPath": FOLDER, "readOnly": True},
        ],
    }


def _bucket_maker(registry: Registry) -> Manifest:
    return {
        "name": "bucket",
        "image": registry.settings.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-c", _MAKE_BUCKET.read_text()],
        "securityContext": CONFINED,
        "resources": _RESOURCES["migrate"],
        "volumeMounts": [{"name": "config", "mountPath": "/run/secrets", "readOnly": True}],
    }


def _volumes(configuration: Manifest) -> list[Manifest]:
    name = configuration["metadata"]["name"]
    return [
        {"name": "tmp", "emptyDir": {}},
        {"name": "config", "secret": {"secretName": name}},
    ]


def _answering(port: str) -> Manifest:
    """What a container has that answers requests at the port of that name."""
    return {
        "ports": [{"name": port, "containerPort": 8080}],
        # A start waits for others that prepare the database, for up to ten minutes.
        "startupProbe": _probe(port, "/livez", 5, 144, 3),
        "livenessProbe": _probe(port, "/livez", 10, 6, 5),
        "readinessProbe": _probe(port, "/readyz", 5, 2, 5),
        # Until everybody who sends requests knows that this pod ends.
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", "8"]}}},
    }


def _probe(port: str, path: str, period: int, failures: int, timeout: int) -> Manifest:
    question = {"path": path, "port": port}
    if port == "https":
        question["scheme"] = "HTTPS"
    return {
        "httpGet": question,
        "periodSeconds": period,
        "failureThreshold": failures,
        "timeoutSeconds": timeout,
    }
