"""Ways to a registry: a Service, an Ingress or, on OpenShift, a Route, and who may take them."""

from deploy.operator.bundle import CERTIFICATE, PRIVATE_KEY
from deploy.operator.kinds import INGRESS, NETWORK_POLICY, ROUTE, SECRET, SERVICE, Manifest
from deploy.operator.manifests.pods import ROLES
from deploy.operator.manifests.stores import Store, stores
from deploy.operator.registry import COMPONENT, Registry, encoded
from deploy.operator.specification import ROUTE as ROUTE_COMPONENT
from deploy.operator.specification import TLS

PORTS = {"http": 80, "https": 443}
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
        "ports": [
            {"name": registry.port, "port": PORTS[registry.port], "targetPort": registry.port}
        ],
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
    tls: Manifest = {
        "termination": "passthrough" if registry.serves_tls else "edge",
        "insecureEdgeTerminationPolicy": "Redirect",
    }
    if secret := registry.specification.component(TLS).secret:
        tls["externalCertificate"] = {"name": secret}
    spec = {
        "host": registry.host,
        "to": {"kind": "Service", "name": registry.name},
        "port": {"targetPort": registry.port},
        "tls": tls,
    }
    route = registry.object(ROUTE, component="web", spec=spec)
    route["metadata"]["annotations"] = dict(ROUTE_ANNOTATIONS)
    return route


def policies(registry: Registry) -> list[Manifest]:
    """Who may ask which pods. What Berth itself asks depends on its configuration: no rule."""
    web: Manifest = {"ports": [_port(registry.port)]}
    if namespaces := registry.settings.client_namespaces:
        expression = {"key": "kubernetes.io/metadata.name", "operator": "In"}
        chosen = [{**expression, "values": list(namespaces)}]
        web["from"] = [{"namespaceSelector": {"matchExpressions": chosen}}]
    others = {"key": COMPONENT, "operator": "NotIn", "values": ["web"]}
    return [
        _policy(registry, "web", {"matchLabels": registry.owner.selector("web")}, [web]),
        _policy(registry, "others", _selected(registry, others), []),
        *(_store_policy(registry, store) for store in stores(registry)),
    ]


def _store_policy(registry: Registry, store: Store) -> Manifest:
    """Berth's own pods may ask a store, which has nobody to ask."""
    ours = {"key": COMPONENT, "operator": "In", "values": [*ROLES, "migrate"]}
    rule = {"ports": [_port(store.suffix)], "from": [{"podSelector": _selected(registry, ours)}]}
    selector = {"matchLabels": registry.owner.selector(store.suffix)}
    policy = _policy(registry, store.suffix, selector, [rule])
    policy["spec"] |= {"policyTypes": ["Ingress", "Egress"], "egress": []}
    return policy


def _policy(registry: Registry, suffix: str, selector: Manifest, rules: list[Manifest]) -> Manifest:
    spec = {"podSelector": selector, "policyTypes": ["Ingress"], "ingress": rules}
    return registry.object(NETWORK_POLICY, suffix, suffix, spec=spec)


def _selected(registry: Registry, expression: Manifest) -> Manifest:
    return {"matchLabels": registry.owner.selector(), "matchExpressions": [expression]}


def _port(name: str) -> Manifest:
    return {"port": name, "protocol": "TCP"}
