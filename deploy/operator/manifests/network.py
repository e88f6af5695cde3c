"""Ways to a registry: a Service, and an Ingress or, on OpenShift, a Route that leads to it."""

from deploy.operator.bundle import CERTIFICATE, PRIVATE_KEY
from deploy.operator.kinds import INGRESS, ROUTE, SECRET, SERVICE, Manifest
from deploy.operator.registry import Registry, encoded
from deploy.operator.specification import ROUTE as ROUTE_COMPONENT
from deploy.operator.specification import TLS

PORT = 80
# For ingress-nginx: bodies of any size, passed on as they come. Others ignore these.
INGRESS_ANNOTATIONS = {
    "nginx.ingress.kubernetes.io/proxy-body-size": "0",
    "nginx.ingress.kubernetes.io/proxy-buffering": "off",
    "nginx.ingress.kubernetes.io/proxy-request-buffering": "off",
    "nginx.ingress.kubernetes.io/proxy-read-timeout": "900",
    "nginx.ingress.kubernetes.io/proxy-send-timeout": "900",
    "nginx.ingress.kubernetes.io/proxy-buffer-size": "32k",
}
ROUTE_ANNOTATIONS = {"haproxy.router.openshift.io/timeout": "900s"}


def service(registry: Registry) -> Manifest:
    spec = {
        "type": "ClusterIP",
        "selector": registry.owner.selector("web"),
        "ports": [{"name": "http", "port": PORT, "targetPort": "http"}],
    }
    return registry.object(SERVICE, component="web", spec=spec)


def certificate_secret(registry: Registry, certificate: bytes, key: bytes) -> Manifest:
    data = encoded({"tls.crt": certificate, "tls.key": key})
    return registry.object(SECRET, "tls", "web", type="kubernetes.io/tls", data=data)


def brought_certificate(registry: Registry) -> tuple[bytes, bytes] | None:
    """Certificate and key of the bundle, where it is asked for them."""
    if registry.managed[TLS] or registry.specification.component(TLS).secret:
        return None
    return registry.bundle.files[CERTIFICATE], registry.bundle.files[PRIVATE_KEY]


def ways(registry: Registry) -> list[Manifest]:
    """From outside the cluster; none, where the operator is not to see to them."""
    if not registry.is_published:
        return []
    way = _route(registry) if registry.on_openshift else _ingress(registry)
    return [registry.labelled(way, ROUTE_COMPONENT)]


def _ingress(registry: Registry) -> Manifest:
    backend = {"service": {"name": registry.name, "port": {"name": "http"}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    secret = registry.specification.component(TLS).secret or f"{registry.name}-tls"
    spec: Manifest = {
        "tls": [{"hosts": [registry.host], "secretName": secret}],
        "rules": [{"host": registry.host, "http": {"paths": [path]}}],
    }
    if registry.settings.ingress_class:
        spec["ingressClassName"] = registry.settings.ingress_class
    ingress = registry.object(INGRESS, component="web", spec=spec)
    ingress["metadata"]["annotations"] = dict(INGRESS_ANNOTATIONS)
    return ingress


def _route(registry: Registry) -> Manifest:
    tls: Manifest = {"termination": "edge", "insecureEdgeTerminationPolicy": "Redirect"}
    if secret := registry.specification.component(TLS).secret:
        tls["externalCertificate"] = {"name": secret}
    elif brought := brought_certificate(registry):
        tls["certificate"], tls["key"] = (part.decode() for part in brought)
    spec = {
        "host": registry.host,
        "to": {"kind": "Service", "name": registry.name},
        "port": {"targetPort": "http"},
        "tls": tls,
    }
    route = registry.object(ROUTE, component="web", spec=spec)
    route["metadata"]["annotations"] = dict(ROUTE_ANNOTATIONS)
    return route
