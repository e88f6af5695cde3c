"""Kinds of objects: those that people make for us, and those that we make for them."""

from dataclasses import dataclass
from typing import Any

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    group: str  # empty: the core of Kubernetes
    version: str
    name: str
    plural: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


QUAY_REGISTRY = Kind("quay.redhat.com", "v1", "QuayRegistry", "quayregistries")
BERTH = Kind("berth.dev", "v1alpha1", "Berth", "berths")
REGISTRIES = (QUAY_REGISTRY, BERTH)

SECRET = Kind("", "v1", "Secret", "secrets")
SERVICE = Kind("", "v1", "Service", "services")
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts")
CLAIM = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
POD = Kind("", "v1", "Pod", "pods")
DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments")
STATEFUL_SET = Kind("apps", "v1", "StatefulSet", "statefulsets")
JOB = Kind("batch", "v1", "Job", "jobs")
INGRESS = Kind("networking.k8s.io", "v1", "Ingress", "ingresses")
NETWORK_POLICY = Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies")
DISRUPTION_BUDGET = Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
AUTOSCALER = Kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
# Not every cluster has these.
ROUTE = Kind("route.openshift.io", "v1", "Route", "routes")
OPENSHIFT_INGRESS = Kind("config.openshift.io", "v1", "Ingress", "ingresses")
SERVICE_MONITOR = Kind("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors")
PROMETHEUS_RULE = Kind("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules")

# What is taken away once it is no longer wanted. Claims are not: they hold the content.
PRUNED = (
    DEPLOYMENT,
    STATEFUL_SET,
    JOB,
    SERVICE,
    SECRET,
    SERVICE_ACCOUNT,
    INGRESS,
    NETWORK_POLICY,
    DISRUPTION_BUDGET,
    AUTOSCALER,
    ROUTE,
    SERVICE_MONITOR,
    PROMETHEUS_RULE,
)
OPTIONAL = (ROUTE, SERVICE_MONITOR, PROMETHEUS_RULE)
MADE = {(kind.api_version, kind.name): kind for kind in (*PRUNED, CLAIM)}


def kind_of(manifest: Manifest) -> Kind:
    return MADE[manifest["apiVersion"], manifest["kind"]]
