"""What Prometheus is to ask, and when it is to call, where its operator is in the cluster."""

from pathlib import Path

import yaml

from deploy.operator.bundle import CERTIFICATE
from deploy.operator.kinds import PROMETHEUS_RULE, SERVICE_MONITOR, Manifest
from deploy.operator.manifests.configuration import METRICS_KEY
from deploy.operator.registry import Registry
from deploy.operator.specification import MONITORING

_RULES = Path(__file__).parents[2] / "observability/berth.rules.yaml"


def monitoring(registry: Registry, configuration: Manifest) -> list[Manifest]:
    if not (registry.managed[MONITORING] and registry.has_monitoring):
        return []
    token = {"name": configuration["metadata"]["name"], "key": METRICS_KEY}
    endpoint: Manifest = {
        "port": registry.port,
        "path": "/metrics",
        "authorization": {"type": "Bearer", "credentials": token},
    }
    if registry.serves_tls:
        endpoint["scheme"] = "https"
        # Pods are asked by their addresses, and show this certificate.
        secret = {"name": configuration["metadata"]["name"], "key": CERTIFICATE}
        endpoint["tlsConfig"] = {"ca": {"secret": secret}, "serverName": registry.host}
    selector = {"matchLabels": registry.owner.selector("web")}
    rules = yaml.safe_load(_RULES.read_text())
    return [
        registry.object(SERVICE_MONITOR, spec={"selector": selector, "endpoints": [endpoint]}),
        registry.object(PROMETHEUS_RULE, spec={"groups": rules["groups"]}),
    ]
