"""Whether a Route leads clients to a registry: what the routers of the cluster say."""

from deploy.operator.cluster import Cluster
from deploy.operator.kinds import ROUTE, Manifest
from deploy.operator.readiness import holds
from deploy.operator.registry import Registry


def route_lack(cluster: Cluster, registry: Registry) -> str:
    """Why the Route does not lead clients in; empty: it does, or there is to be none."""
    if not (registry.is_published and registry.on_openshift):
        return ""
    route = cluster.get(ROUTE, registry.owner.namespace, registry.name)
    words = _refusal(route, registry.host)
    return f"The Route {registry.name} is not admitted: {words}" if words else ""


def _refusal(route: Manifest | None, host: str) -> str:
    """Why no router leads clients of ``host`` to it; empty: one does."""
    status = (route or {}).get("status") or {}
    routers = [entry for entry in status.get("ingress") or [] if entry.get("host") == host]
    if any(holds(entry, "Admitted") for entry in routers):
        return ""
    refusals = [
        str(condition.get("message") or condition.get("reason") or "")
        for entry in routers
        for condition in entry.get("conditions") or []
        if condition.get("type") == "Admitted" and condition.get("status") == "False"
    ]
    return next(filter(None, refusals), "No router has answered yet.")
