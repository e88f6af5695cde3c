"""PostgreSQL, Redis and an S3 server for a registry that has none of its own: one pod each.

They are for small registries and for trying. Their claims belong to nobody, so that content
outlives the resource.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deploy.operator.kinds import CLAIM, SERVICE, STATEFUL_SET, Manifest
from deploy.operator.manifests.pods import CONFINED, KEYS_SECRET, pod_common
from deploy.operator.registry import Registry
from deploy.operator.specification import POSTGRES, REDIS, STORAGE


@dataclass(frozen=True, slots=True)
class Store:
    kind: str  # of component
    suffix: str
    port: int
    user: int
    size: str
    folder: str
    container: Manifest
    secrets: dict[str, str]  # variable -> name among the keys
    scratch: tuple[str, ...]  # folders that need to be written to

    def image(self, registry: Registry) -> str:
        settings = registry.settings
        return {
            POSTGRES: settings.postgres_image,
            REDIS: settings.redis_image,
            STORAGE: settings.s3_image,
        }[self.kind]


def stores(registry: Registry) -> Iterator[Store]:
    """Those that the operator sees to."""
    return (store for store in STORES if registry.managed[store.kind])


def store_objects(registry: Registry, store: Store) -> list[Manifest]:
    labels = registry.owner.selector(store.suffix)
    service = registry.object(
        SERVICE,
        store.suffix,
        store.suffix,
        spec={"selector": labels, "ports": [{"name": store.suffix, "port": store.port}]},
    )
    return [_claim(registry, store), service, _stateful_set(registry, store)]


def _claim(registry: Registry, store: Store) -> Manifest:
    overrides = registry.specification.component(store.kind).overrides
    spec: Manifest = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": overrides.volume_size or store.size}},
    }
    if overrides.storage_class:
        spec["storageClassName"] = overrides.storage_class
    return registry.object(CLAIM, store.suffix, store.suffix, owned=False, spec=spec)


def _stateful_set(registry: Registry, store: Store) -> Manifest:
    overrides = registry.specification.component(store.kind).overrides
    labels = registry.owner.selector(store.suffix)
    pod: Manifest = {
        **pod_common(registry, user=store.user),
        "terminationGracePeriodSeconds": 60,
        "containers": [_container(registry, store)],
        "volumes": [
            {
                "name": "data",
                "persistentVolumeClaim": {"claimName": f"{registry.name}-{store.suffix}"},
            },
            *({"name": _volume(path), "emptyDir": {}} for path in store.scratch),
        ],
    }
    if overrides.affinity:
        pod["affinity"] = overrides.affinity
    metadata = {"labels": registry.owner.labels(store.suffix)}
    spec = {
        "replicas": 1,
        "serviceName": f"{registry.name}-{store.suffix}",
        "selector": {"matchLabels": labels},
        "template": registry.labelled({"metadata": metadata, "spec": pod}, store.kind),
    }
    stateful_set = registry.object(STATEFUL_SET, store.suffix, store.suffix, spec=spec)
    return registry.labelled(stateful_set, store.kind)


def _container(registry: Registry, store: Store) -> Manifest:
    overrides = registry.specification.component(store.kind).overrides
    keys = f"{registry.name}-{KEYS_SECRET}"
    env: list[Any] = [
        {"name": variable, "valueFrom": {"secretKeyRef": {"name": keys, "key": key}}}
        for variable, key in store.secrets.items()
    ]
    mounts = [
        {"name": "data", "mountPath": store.folder},
        *({"name": _volume(path), "mountPath": path} for path in store.scratch),
    ]
    return {
        "name": store.suffix,
        "image": store.image(registry),
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"name": store.suffix, "containerPort": store.port}],
        "securityContext": CONFINED,
        "volumeMounts": mounts,
        **store.container,
        "env": [*env, *store.container.get("env", []), *(dict(entry) for entry in overrides.env)],
        "resources": overrides.resources or store.container["resources"],
    }


def _volume(path: str) -> str:
    return path.strip("/").replace("/", "-")


def _answers(*command: str) -> Manifest:
    probe = {"exec": {"command": list(command)}, "timeoutSeconds": 5}
    return {
        "startupProbe": {**probe, "periodSeconds": 5, "failureThreshold": 120},
        "livenessProbe": {**probe, "periodSeconds": 20, "failureThreshold": 6},
        "readinessProbe": {**probe, "periodSeconds": 5, "failureThreshold": 2},
    }


def _listens(port: str) -> Manifest:
    probe = {"tcpSocket": {"port": port}, "timeoutSeconds": 5}
    return {
        "livenessProbe": {**probe, "periodSeconds": 20, "failureThreshold": 6},
        "readinessProbe": {**probe, "periodSeconds": 5, "failureThreshold": 2},
    }


def _memory(requested: str, most: str) -> Manifest:
    return {"requests": {"cpu": "100m", "memory": requested}, "limits": {"memory": most}}


STORES = (
    Store(
        kind=POSTGRES,
        suffix="postgres",
        port=5432,
        user=999,
        size="20Gi",
        folder="/var/lib/postgresql/data",
        secrets={"POSTGRES_PASSWORD": "DATABASE_PASSWORD"},
        scratch=("/tmp", "/var/run/postgresql"),  # noqa: S108 - the pod's own
        container={
            "args": ["postgres", "-c", "max_connections=300"],
            "env": [
                {"name": "POSTGRES_USER", "value": "berth"},
                {"name": "POSTGRES_DB", "value": "berth"},
                # Where a volume is mounted there may be lost+found.
                {"name": "PGDATA", "value": "/var/lib/postgresql/data/pgdata"},
            ],
            **_answers("pg_isready", "--username=berth", "--dbname=berth"),
            "resources": _memory("256Mi", "2Gi"),
        },
    ),
    Store(
        kind=REDIS,
        suffix="redis",
        port=6379,
        user=999,
        size="2Gi",
        folder="/data",
        secrets={"REDISCLI_AUTH": "REDIS_PASSWORD"},
        scratch=("/tmp",),  # noqa: S108 - the pod's own
        container={
            # By a file: arguments are seen by all of the machine.
            "command": ["sh", "-c"],
            "args": [
                'umask 077; echo "requirepass $REDISCLI_AUTH" >/tmp/redis.conf;'
                " exec redis-server /tmp/redis.conf --appendonly yes --dir /data"
            ],
            **_answers("redis-cli", "-e", "ping"),  # -e: an error that it answers is a failure
            "resources": _memory("64Mi", "512Mi"),
        },
    ),
    Store(
        kind=STORAGE,
        suffix="s3",
        port=7070,
        user=10001,
        size="50Gi",
        folder="/data",
        secrets={
            "ROOT_ACCESS_KEY_ID": "STORAGE_ACCESS_KEY",
            "ROOT_SECRET_ACCESS_KEY": "STORAGE_SECRET_KEY",
        },
        scratch=("/tmp",),  # noqa: S108 - the pod's own
        container={
            "args": ["posix", "/data"],
            **_listens("s3"),
            "resources": _memory("128Mi", "1Gi"),
        },
    ),
)
