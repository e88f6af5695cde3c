"""How each component of a registry stands."""

from deploy.operator.admission import route_lack
from deploy.operator.cluster import Cluster
from deploy.operator.conditions import OF_COMPONENT, Condition
from deploy.operator.kinds import AUTOSCALER as AUTOSCALER_KIND
from deploy.operator.kinds import DEPLOYMENT, STATEFUL_SET, Kind
from deploy.operator.manifests.stores import stores
from deploy.operator.readiness import is_available, is_ready
from deploy.operator.registry import Registry
from deploy.operator.specification import (
    AUTOSCALER,
    COMPONENTS,
    MONITORING,
    QUAY,
    ROUTE,
    TLS,
    UNSUPPORTED,
)


def component_conditions(cluster: Cluster, registry: Registry) -> list[Condition]:
    components = registry.specification.components
    return [
        *(_condition(cluster, registry, kind) for kind in COMPONENTS),
        *(
            Condition(
                OF_COMPONENT[kind],
                components[kind].managed is not True,
                "ComponentUnsupported",
                f"Berth has no {kind}; the component does nothing.",
            )
            for kind in UNSUPPORTED
            if kind in components
        ),
    ]


def _condition(cluster: Cluster, registry: Registry, kind: str) -> Condition:
    name = OF_COMPONENT[kind]
    if not registry.managed[kind]:
        return Condition(name, True, "ComponentNotManaged", "It is not the operator's to see to.")
    reason, message = _lack(cluster, registry, kind)
    return Condition(name, not reason, reason or "ComponentReady", message)


def _lack(cluster: Cluster, registry: Registry, kind: str) -> tuple[str, str]:
    """What a managed component lacks, as a reason and a sentence; empty: nothing."""
    if kind in (ROUTE, TLS) and not registry.is_published:
        return (
            "NoHostname",
            "Name SERVER_HOSTNAME in the configuration, or a domain to the operator: until then"
            f" the registry is found inside the cluster only, at {registry.endpoint}.",
        )
    if kind == ROUTE and (words := route_lack(cluster, registry)):
        return "RouteNotAdmitted", words
    if kind == MONITORING and not registry.has_monitoring:
        return "MonitoringUnavailable", "The cluster has no ServiceMonitor."
    message = _missing(cluster, registry, kind)
    return ("ComponentNotReady", message) if message else ("", "")


def _missing(cluster: Cluster, registry: Registry, kind: str) -> str:
    if kind == QUAY and not is_available(_object(cluster, registry, DEPLOYMENT, "web")):
        return "No pod answers requests yet."
    if kind == AUTOSCALER and _object(cluster, registry, AUTOSCALER_KIND, "web") is None:
        return "It comes with the pods that answer requests."
    for store in stores(registry):
        stateful_set = _object(cluster, registry, STATEFUL_SET, store.suffix)
        if store.kind == kind and not is_ready(stateful_set):
            return "Its pod is not ready yet."
    return ""


def _object(
    cluster: Cluster, registry: Registry, kind: Kind, suffix: str
) -> dict[str, object] | None:
    return cluster.get(kind, registry.owner.namespace, f"{registry.name}-{suffix}")
