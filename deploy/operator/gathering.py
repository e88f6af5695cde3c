"""From a resource, and what it names, to the registry that is wanted."""

import base64
import re

from deploy.operator.bundle import CERTIFICATE, PRIVATE_KEY, Bundle, check_stores, managed
from deploy.operator.certificates import belong_together
from deploy.operator.cluster import Cluster
from deploy.operator.keys import ROTATE, Keys
from deploy.operator.kinds import (
    CLAIM,
    OPENSHIFT_INGRESS,
    ROUTE,
    SECRET,
    SERVICE_MONITOR,
    Manifest,
)
from deploy.operator.manifests.pods import KEYS_SECRET
from deploy.operator.refusals import Blocked
from deploy.operator.registry import MANAGED_BY, MANAGER, Owner, Registry
from deploy.operator.settings import Settings
from deploy.operator.specification import COMPONENTS, TLS, Specification

_MOST_OF_A_NAME = 40  # suffixes follow, and a Service has 63
_MOST_OF_A_LABEL = 63
_NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")


def gather(cluster: Cluster, owner: Owner, resource: Manifest, settings: Settings) -> Registry:
    """
    Raises:
        Blocked: the resource cannot be followed; nothing was changed.
        Waiting: somebody else made the keys in this moment.
    """
    if not _NAME.fullmatch(owner.name) or len(owner.name) > _MOST_OF_A_NAME:
        raise Blocked(
            "NameInvalid",
            f"The name begins with a letter, holds a-z, 0-9 and -, and has at most"
            f" {_MOST_OF_A_NAME} characters.",
        )
    specification = Specification.read(resource.get("spec"))
    bundle = _bundle(cluster, owner, specification)
    check_stores(bundle)
    seen_to = {kind: managed(kind, specification, bundle) for kind in COMPONENTS}
    if not seen_to[TLS]:
        _check_certificate(cluster, owner, bundle, specification.component(TLS).secret)
    registry = Registry(
        owner=owner,
        specification=specification,
        bundle=bundle,
        managed=seen_to,
        settings=settings,
        keys=Keys({}),
        on_openshift=cluster.serves(ROUTE, owner.namespace),
        has_monitoring=cluster.serves(SERVICE_MONITOR, owner.namespace),
        domain=settings.domain or _domain_of_openshift(cluster),
    )
    if registry.is_published and len(registry.host.partition(".")[0]) > _MOST_OF_A_LABEL:
        raise Blocked(
            "NameInvalid", f"{registry.host} is too long for a host: name SERVER_HOSTNAME."
        )
    return registry.with_keys(kept_keys(cluster, owner, resource))


def kept_keys(cluster: Cluster, owner: Owner, resource: Manifest) -> Keys:
    """Those of the registry; made if it is new."""
    metadata: Manifest = {
        "name": f"{owner.name}-{KEYS_SECRET}",
        "namespace": owner.namespace,
        "labels": owner.labels(KEYS_SECRET),
    }
    rotation = (resource["metadata"].get("annotations") or {}).get(ROTATE, "")
    secret = cluster.get(SECRET, owner.namespace, metadata["name"])
    if secret is None:
        _refuse_new_keys(cluster, owner, resource)
        keys = Keys.generate(rotated=rotation)
        cluster.create(keys.fill({"apiVersion": "v1", "kind": "Secret", "metadata": metadata}))
        return keys
    if (secret["metadata"].get("labels") or {}).get(MANAGED_BY) != MANAGER:
        raise Blocked("NameTaken", f"There is a Secret {metadata['name']} that is not ours.")
    keys = Keys.read(secret)
    rotated = keys.rotate(rotation)
    if rotated != keys:
        cluster.replace(rotated.fill(secret))
    return rotated


def promote_keys(cluster: Cluster, registry: Registry) -> bool:
    """All pods read the next key: from now on it signs. Answers whether there was one."""
    if not registry.keys.following:
        return False
    name = f"{registry.name}-{KEYS_SECRET}"
    secret = cluster.get(SECRET, registry.owner.namespace, name)
    if secret is not None and (keys := Keys.read(secret)) == registry.keys:
        cluster.replace(keys.promote().fill(secret))
    return True


def _refuse_new_keys(cluster: Cluster, owner: Owner, resource: Manifest) -> None:
    has_run = bool((resource.get("status") or {}).get("currentVersion"))
    has_data = cluster.get(CLAIM, owner.namespace, f"{owner.name}-postgres") is not None
    if has_run or has_data:
        raise Blocked(
            "KeysMissing",
            f"The Secret {owner.name}-{KEYS_SECRET} is gone, and with others this registry could"
            " not read what it holds: bring it back.",
        )


def _bundle(cluster: Cluster, owner: Owner, specification: Specification) -> Bundle:
    if not specification.bundle:
        return Bundle()
    secret = cluster.get(SECRET, owner.namespace, specification.bundle)
    if secret is None:
        raise Blocked(
            "ConfigInvalid",
            f"There is no Secret {specification.bundle}, as configBundleSecret says.",
        )
    return Bundle.read(secret)


def _check_certificate(cluster: Cluster, owner: Owner, bundle: Bundle, name: str) -> None:
    if name:
        secret = cluster.get(SECRET, owner.namespace, name)
        data = (secret or {}).get("data") or {}
        pair = tuple(base64.b64decode(data.get(part, "")) for part in ("tls.crt", "tls.key"))
        place = f"tls.crt and tls.key of the Secret {name}"
    else:
        pair = (bundle.files[CERTIFICATE], bundle.files[PRIVATE_KEY])
        place = f"{CERTIFICATE} and {PRIVATE_KEY} of the bundle"
    if not belong_together(*pair):
        raise Blocked("ConfigInvalid", f"{place} are no certificate with its key, as PEM.")


def _domain_of_openshift(cluster: Cluster) -> str:
    ingress = cluster.get(OPENSHIFT_INGRESS, "", "cluster")
    spec = (ingress or {}).get("spec") or {}
    return str(spec.get("appsDomain") or spec.get("domain") or "")
