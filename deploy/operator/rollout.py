"""From the registry that is wanted to objects in the cluster, one step after the other.

Each step may be the last before this process ends: the next round begins at the first, and finds
done what is done.
"""

import base64
from datetime import datetime

from deploy.operator.admission import route_lack
from deploy.operator.certificates import self_signed, still_good
from deploy.operator.cluster import Cluster
from deploy.operator.gathering import promote_keys
from deploy.operator.kinds import (
    CLAIM,
    DEPLOYMENT,
    JOB,
    OPTIONAL,
    POD,
    PRUNED,
    SECRET,
    STATEFUL_SET,
    Manifest,
    kind_of,
)
from deploy.operator.manifests import network, pods
from deploy.operator.manifests.configuration import configuration_secret
from deploy.operator.manifests.monitoring import monitoring
from deploy.operator.manifests.scaling import scaling
from deploy.operator.manifests.stores import store_objects, stores
from deploy.operator.readiness import failed, is_ready, is_rolled_out, succeeded
from deploy.operator.refusals import Blocked, Waiting
from deploy.operator.registry import Owner, Registry


def roll_out(cluster: Cluster, registry: Registry, *, rehearse: bool, now: datetime) -> None:
    """
    Args:
        rehearse: ask the cluster first whether it would take everything.

    Raises:
        Blocked: somebody must change something.
        Waiting: something is under way.
    """
    configuration = configuration_secret(registry)
    ground = [
        pods.service_account(registry),
        configuration,
        *(manifest for store in stores(registry) for manifest in store_objects(registry, store)),
        *_certificate(cluster, registry, now=now),
        network.service(registry),
        *network.policies(registry),
        *network.ways(registry),
    ]
    migration = pods.migration(registry, configuration)
    serving = [
        *(pods.deployment(registry, role, configuration) for role in pods.ROLES),
        *scaling(registry),
        *monitoring(registry, configuration),
    ]
    manifests = [*ground, migration, *serving]
    _refuse_taken(cluster, registry.owner, manifests)
    if rehearse:
        for manifest in manifests:
            cluster.apply(manifest, rehearse=True)
    for manifest in ground:
        cluster.apply(manifest)
    _await_stores(cluster, registry)
    _migrate(cluster, registry.owner, migration)
    for manifest in serving:
        cluster.apply(manifest)
    _await_pods(cluster, registry.owner)
    if promote_keys(cluster, registry):
        raise Waiting("KeysRotating", "All pods read the next key, which signs from now on.")
    _prune(cluster, registry.owner, manifests)
    _await_route(cluster, registry)


def _certificate(cluster: Cluster, registry: Registry, *, now: datetime) -> list[Manifest]:
    if not registry.is_published or registry.on_openshift:
        return []
    if brought := network.brought_certificate(registry):
        return [network.certificate_secret(registry, *brought)]
    if not registry.makes_certificate:
        return []
    secret = cluster.get(SECRET, registry.owner.namespace, f"{registry.name}-tls") or {}
    data = secret.get("data") or {}
    pair = tuple(base64.b64decode(data.get(name, "")) for name in ("tls.crt", "tls.key"))
    if not (pair[1] and still_good(pair[0], registry.host, now=now)):
        pair = self_signed(registry.host, now=now)
    return [network.certificate_secret(registry, *pair)]


def _refuse_taken(cluster: Cluster, owner: Owner, wanted: list[Manifest]) -> None:
    for manifest in wanted:
        kind, name = kind_of(manifest), manifest["metadata"]["name"]
        existing = cluster.get(kind, owner.namespace, name)
        if existing is None:
            continue
        labels = existing["metadata"].get("labels") or {}
        is_ours = (
            owner.labels().items() <= labels.items() if kind == CLAIM else owns(owner, existing)
        )
        if not is_ours:
            raise Blocked("NameTaken", f"There is a {kind.name} {name} that is not ours.")


def owns(owner: Owner, manifest: Manifest) -> bool:
    references = manifest["metadata"].get("ownerReferences") or []
    return any(reference.get("uid") == owner.uid for reference in references)


def _await_stores(cluster: Cluster, registry: Registry) -> None:
    for store in stores(registry):
        name = f"{registry.name}-{store.suffix}"
        if not is_ready(cluster.get(STATEFUL_SET, registry.owner.namespace, name)):
            raise Waiting("ComponentNotReady", f"The pod of {store.kind} is not ready yet.")


def _migrate(cluster: Cluster, owner: Owner, job: Manifest) -> None:
    """A Job never changes: one that is there is as wanted, by its name."""
    name = job["metadata"]["name"]
    existing = cluster.get(JOB, owner.namespace, name)
    if existing is None:
        existing = cluster.apply(job)
    if failed(existing):
        words = _last_words(cluster, owner, name)
        raise Blocked(
            "MigrationsFailed", f"The Job {name} failed; delete it to try again. It said: {words}"
        )
    if not succeeded(existing):
        raise Waiting("MigrationsInProgress", f"The Job {name} prepares the database.")


def _last_words(cluster: Cluster, owner: Owner, job: str) -> str:
    words = "nothing."
    for pod in cluster.list(POD, owner.namespace, {"batch.kubernetes.io/job-name": job}):
        status = pod.get("status") or {}
        for container in (
            *(status.get("initContainerStatuses") or []),
            *(status.get("containerStatuses") or []),
        ):
            ended = (container.get("state") or {}).get("terminated") or {}
            words = str(ended.get("message") or "").strip() or words
    return words


def _await_pods(cluster: Cluster, owner: Owner) -> None:
    for role in pods.ROLES:
        deployment = cluster.get(DEPLOYMENT, owner.namespace, f"{owner.name}-{role}")
        if not is_rolled_out(deployment):
            raise Waiting("RolloutInProgress", f"Pods of {owner.name}-{role} are being replaced.")


def _await_route(cluster: Cluster, registry: Registry) -> None:
    if words := route_lack(cluster, registry):
        raise Waiting("RouteNotAdmitted", words)


def _prune(cluster: Cluster, owner: Owner, wanted: list[Manifest]) -> None:
    identities = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in wanted}
    for kind in PRUNED:
        if kind in OPTIONAL and not cluster.serves(kind, owner.namespace):
            continue
        for existing in cluster.list(kind, owner.namespace, owner.labels()):
            if (
                owns(owner, existing)
                and (kind.name, existing["metadata"]["name"]) not in identities
            ):
                cluster.delete({**existing, "apiVersion": kind.api_version, "kind": kind.name})
