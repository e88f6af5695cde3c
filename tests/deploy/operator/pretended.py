"""A cluster in memory, for rounds of the operator without a cluster: it keeps what it is given."""

import base64
import copy
from collections.abc import Callable
from datetime import UTC, datetime

from deploy.operator.cluster import Cluster
from deploy.operator.kinds import (
    DEPLOYMENT,
    JOB,
    OPTIONAL,
    QUAY_REGISTRY,
    ROUTE,
    SECRET,
    STATEFUL_SET,
    Kind,
    Manifest,
    kind_of,
)
from deploy.operator.reconciliation import reconcile
from deploy.operator.refusals import Waiting
from deploy.operator.settings import Settings

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NAMESPACE, NAME = "infra", "quay"
SETTINGS = Settings(
    image="registry.example.com/infra/berth:1.2.3", version="1.2.3", domain="apps.example.com"
)
MOST_ROUNDS = 12
Place = tuple[str, str]


class Killed(BaseException):
    """The operator ends here, as by a signal."""


class PretendedCluster(Cluster):
    """Objects of one namespace by kind and name. Pods become ready when ``settle`` is called."""

    def __init__(self, served: tuple[Kind, ...] = ()) -> None:
        self.objects: dict[Place, Manifest] = {}
        self.served = served
        self.writes = 0
        self.last_write: int | None = None  # the operator is killed before the next
        self.refuses: Callable[[Manifest], None] = lambda _manifest: None

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        return copy.deepcopy(self.objects.get((kind.plural + kind.group, name)))

    def list(self, kind: Kind, namespace: str, labels: dict[str, str]) -> list[Manifest]:
        return [
            copy.deepcopy(found)
            for (place, _name), found in self.objects.items()
            if place == kind.plural + kind.group
            and labels.items() <= found["metadata"].get("labels", {}).items()
        ]

    def serves(self, kind: Kind, namespace: str) -> bool:
        return kind not in OPTIONAL or kind in self.served

    def apply(self, manifest: Manifest, *, rehearse: bool = False) -> Manifest:
        self.refuses(manifest)
        if rehearse:
            return manifest
        before = self.get(kind_of(manifest), NAMESPACE, manifest["metadata"]["name"]) or {}
        return self._keep(kind_of(manifest), manifest, before)

    def create(self, manifest: Manifest) -> None:
        if self.get(kind_of(manifest), NAMESPACE, manifest["metadata"]["name"]):
            raise Waiting("ObjectChanged", "It is there.")
        self._keep(kind_of(manifest), manifest, {})

    def replace(self, manifest: Manifest) -> None:
        self._keep(kind_of(manifest), manifest, {})

    def delete(self, manifest: Manifest) -> None:
        self._written()
        kind = kind_of(manifest)
        del self.objects[kind.plural + kind.group, manifest["metadata"]["name"]]

    def set_status(self, kind: Kind, namespace: str, name: str, status: Manifest) -> None:
        self._written()
        self.objects[kind.plural + kind.group, name]["status"] = copy.deepcopy(status)

    def put(self, kind: Kind, name: str, **rest: object) -> Manifest:
        """What a person makes."""
        metadata = {"name": name, "namespace": NAMESPACE, "uid": f"uid-{name}", "generation": 1}
        found: Manifest = {
            "apiVersion": kind.api_version,
            "kind": kind.name,
            "metadata": metadata,
            **rest,
        }
        self.objects[kind.plural + kind.group, name] = found
        return found

    def settle(self) -> None:
        """All pods that are wanted run, all Jobs are done, and routers lead to Routes."""
        for (plural, _name), found in self.objects.items():
            generation = found["metadata"].get("generation", 1)
            if plural == STATEFUL_SET.plural + STATEFUL_SET.group:
                found["status"] = {"readyReplicas": 1, "observedGeneration": generation}
            if plural == ROUTE.plural + ROUTE.group:
                admitted = {"type": "Admitted", "status": "True"}
                router = {"host": found["spec"]["host"], "conditions": [admitted]}
                found["status"] = {"ingress": [router]}
            if plural == JOB.plural + JOB.group:
                done = {"type": "Complete", "status": "True"}
                found.setdefault("status", {"conditions": [done]})
            if plural == DEPLOYMENT.plural + DEPLOYMENT.group:
                count = found["spec"].get("replicas", 1)
                counts = ("replicas", "updatedReplicas", "availableReplicas")
                found["status"] = {
                    **dict.fromkeys(counts, count),
                    "observedGeneration": generation,
                    "conditions": [{"type": "Available", "status": "True"}],
                }

    def _keep(self, kind: Kind, manifest: Manifest, before: Manifest) -> Manifest:
        kept = copy.deepcopy(manifest)
        generation = before.get("metadata", {}).get("generation", 0)
        is_same = before.get("spec") == kept.get("spec")
        kept["metadata"]["generation"] = generation if is_same and before else generation + 1
        if "status" in before:
            kept["status"] = before["status"]
        if kept == before:
            return kept
        self._written()
        self.objects[kind.plural + kind.group, kept["metadata"]["name"]] = kept
        return copy.deepcopy(kept)

    def _written(self) -> None:
        if self.writes == self.last_write:
            raise Killed
        self.writes += 1


def make_registry(cluster: PretendedCluster, spec: object = None, name: str = NAME) -> None:
    cluster.put(QUAY_REGISTRY, name, spec={} if spec is None else spec)


def look(
    cluster: PretendedCluster,
    *,
    settings: Settings = SETTINGS,
    name: str = NAME,
    now: datetime = NOW,
) -> float | None:
    return reconcile(cluster, QUAY_REGISTRY, NAMESPACE, name, settings=settings, now=now)


def finish(cluster: PretendedCluster, *, settings: Settings = SETTINGS) -> None:
    """Rounds until nothing changes any more."""
    for _ in range(MOST_ROUNDS):
        before = copy.deepcopy(cluster.objects)
        look(cluster, settings=settings)
        cluster.settle()
        if cluster.objects == before:
            return
    raise AssertionError("It goes on for ever.")


def status(cluster: PretendedCluster, name: str = NAME) -> Manifest:
    found = cluster.get(QUAY_REGISTRY, NAMESPACE, name)
    assert found is not None
    told: Manifest = found.get("status", {})
    return told


def condition(cluster: PretendedCluster, kind: str) -> Manifest:
    (found,) = (entry for entry in status(cluster)["conditions"] if entry["type"] == kind)
    assert isinstance(found, dict)
    return found


def found(cluster: PretendedCluster, kind: Kind, name: str = NAME) -> Manifest:
    manifest = cluster.get(kind, NAMESPACE, name)
    assert manifest is not None
    return manifest


def mounted(cluster: PretendedCluster) -> dict[str, bytes]:
    """The configuration as the pods that answer requests read it, with the files beside it."""
    pod = found(cluster, DEPLOYMENT, f"{NAME}-web")["spec"]["template"]["spec"]
    (volume,) = (entry for entry in pod["volumes"] if entry["name"] == "config")
    data = found(cluster, SECRET, volume["secret"]["secretName"])["data"]
    return {name: base64.b64decode(text) for name, text in data.items()}


def wanted_names(cluster: PretendedCluster) -> list[tuple[str, str]]:
    """All objects; what ends in a fingerprint without it, for keys differ from run to run."""
    return sorted(
        (m["kind"], name.rpartition("-")[0] if m["kind"] == "Job" or "config-" in name else name)
        for (_plural, name), m in cluster.objects.items()
    )
