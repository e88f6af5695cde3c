"""How many pods answer, and how few may."""

from deploy.operator.kinds import AUTOSCALER, DEPLOYMENT, DISRUPTION_BUDGET, Manifest
from deploy.operator.registry import Registry
from deploy.operator.specification import AUTOSCALER as AUTOSCALER_COMPONENT

FEWEST, MOST, PROCESSOR_PERCENT = 2, 6, 75


def scaling(registry: Registry) -> list[Manifest]:
    manifests = [_disruption_budget(registry)]
    if registry.managed[AUTOSCALER_COMPONENT]:
        manifests.append(_autoscaler(registry))
    return manifests


def _disruption_budget(registry: Registry) -> Manifest:
    selector = {"matchLabels": registry.owner.selector("web")}
    spec = {"maxUnavailable": 1, "selector": selector}
    return registry.object(DISRUPTION_BUDGET, "web", "web", spec=spec)


def _autoscaler(registry: Registry) -> Manifest:
    target = {"type": "Utilization", "averageUtilization": PROCESSOR_PERCENT}
    spec = {
        "scaleTargetRef": {
            "apiVersion": DEPLOYMENT.api_version,
            "kind": DEPLOYMENT.name,
            "name": f"{registry.name}-web",
        },
        "minReplicas": FEWEST,
        "maxReplicas": MOST,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }
    return registry.object(AUTOSCALER, "web", "web", spec=spec)
