"""One round for one registry: look, do what is missing, and tell how it stands."""

import logging
from datetime import datetime

from deploy.operator.admission import route_lack
from deploy.operator.cluster import Cluster
from deploy.operator.conditions import AVAILABLE, BLOCKED, CREATED, Condition, merged
from deploy.operator.gathering import gather
from deploy.operator.kinds import DEPLOYMENT, Kind, Manifest
from deploy.operator.readiness import is_available
from deploy.operator.refusals import Blocked, Unfinished
from deploy.operator.registry import Owner, Registry
from deploy.operator.rollout import roll_out
from deploy.operator.settings import Settings
from deploy.operator.standing import component_conditions

# Seconds to the next round. What somebody changed by hand holds no longer than the first.
STEADY, BUSY = 30.0, 2.0

_log = logging.getLogger("berth.operator")


def reconcile(
    cluster: Cluster, kind: Kind, namespace: str, name: str, *, settings: Settings, now: datetime
) -> float | None:
    """Seconds until it should be looked at again; None: the resource is gone."""
    resource = cluster.get(kind, namespace, name)
    if resource is None or resource["metadata"].get("deletionTimestamp"):
        return None
    owner = Owner(kind, namespace, name, resource["metadata"]["uid"])
    registry, unfinished = _bring_about(cluster, owner, resource, settings, now)
    _tell(cluster, owner, resource, registry, unfinished, now)
    return STEADY if unfinished is None or isinstance(unfinished, Blocked) else BUSY


def _bring_about(
    cluster: Cluster, owner: Owner, resource: Manifest, settings: Settings, now: datetime
) -> tuple[Registry | None, Unfinished | None]:
    registry = None
    status = resource.get("status") or {}
    # What the cluster took before it takes again.
    is_new = status.get("observedGeneration") != resource["metadata"].get("generation")
    is_blocked = any(
        condition.get("type") == BLOCKED and condition.get("status") == "True"
        for condition in status.get("conditions") or []
    )
    try:
        registry = gather(cluster, owner, resource, settings)
        roll_out(cluster, registry, rehearse=is_new or is_blocked, now=now)
    except Unfinished as unfinished:
        return registry, unfinished
    return registry, None


def _tell(
    cluster: Cluster,
    owner: Owner,
    resource: Manifest,
    registry: Registry | None,
    unfinished: Unfinished | None,
    now: datetime,
) -> None:
    before = resource.get("status") or {}
    current = _rollout(cluster, owner, unfinished)
    if registry is not None:
        current += component_conditions(cluster, registry)
        component_entries: list[Manifest] = []
    else:  # nothing is known of the components
        component_entries = [
            entry for entry in before.get("conditions") or [] if _is_of_component(entry)
        ]
    conditions = merged(
        before.get("conditions") or [], {entry.type: entry for entry in current}, now=now
    )
    status = {
        **before,
        "conditions": [*conditions, *component_entries],
        "observedGeneration": resource["metadata"].get("generation", 0),
    }
    if registry is not None and not isinstance(unfinished, Blocked):
        is_led_to = not route_lack(cluster, registry)
        status["registryEndpoint"] = registry.endpoint if is_led_to else ""
    if unfinished is None and registry is not None:
        status["currentVersion"] = registry.settings.version
    if status != before:
        status["lastUpdated"] = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        outcome = unfinished or "all is as it should be"
        _log.info("%s %s/%s: %s", owner.kind.name, owner.namespace, owner.name, outcome)
        cluster.set_status(owner.kind, owner.namespace, owner.name, status)


def _rollout(cluster: Cluster, owner: Owner, unfinished: Unfinished | None) -> list[Condition]:
    reason = unfinished.reason if unfinished else "ComponentsCreationSuccess"
    message = str(unfinished) if unfinished else "All objects are as they should be."
    web = cluster.get(DEPLOYMENT, owner.namespace, f"{owner.name}-web")
    available = is_available(web)
    return [
        Condition(
            AVAILABLE,
            available,
            "HealthChecksPassing" if available else reason if web is None else "ComponentNotReady",
            "Pods answer." if available else message,
        ),
        Condition(CREATED, web is not None, reason, message),
        Condition(BLOCKED, isinstance(unfinished, Blocked), reason, message),
    ]


def _is_of_component(entry: Manifest) -> bool:
    return entry.get("type") not in (AVAILABLE, CREATED, BLOCKED)
