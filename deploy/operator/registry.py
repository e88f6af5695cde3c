"""One registry as it is wanted: what all its objects are made from."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from deploy.operator.bundle import Bundle
from deploy.operator.keys import Keys
from deploy.operator.kinds import Kind, Manifest
from deploy.operator.settings import Settings
from deploy.operator.specification import ROUTE, TLS, Specification

MANAGER = "berth-operator"
INSTANCE = "app.kubernetes.io/instance"
MANAGED_BY = "app.kubernetes.io/managed-by"
COMPONENT = "app.kubernetes.io/component"


@dataclass(frozen=True, slots=True)
class Owner:
    """The resource that somebody made."""

    kind: Kind
    namespace: str
    name: str
    uid: str

    def labels(self, component: str = "") -> dict[str, str]:
        return {**self.selector(component), MANAGED_BY: MANAGER}

    def selector(self, component: str = "") -> dict[str, str]:
        labels = {"app.kubernetes.io/name": "berth", INSTANCE: self.name}
        return {**labels, COMPONENT: component} if component else labels

    @property
    def reference(self) -> dict[str, Any]:
        return {
            "apiVersion": self.kind.api_version,
            "kind": self.kind.name,
            "name": self.name,
            "uid": self.uid,
            "controller": True,
        }


@dataclass(frozen=True, slots=True)
class Registry:
    owner: Owner
    specification: Specification
    bundle: Bundle
    keys: Keys
    settings: Settings
    managed: Mapping[str, bool]  # by component
    on_openshift: bool = False  # which chooses users of pods itself, and has routes
    has_monitoring: bool = False
    domain: str = ""  # below which names lead to this cluster

    def with_keys(self, keys: Keys) -> "Registry":
        return replace(self, keys=keys)

    @property
    def name(self) -> str:
        return self.owner.name

    @property
    def hostname(self) -> str:
        """Host and port as clients write them."""
        if named := self.bundle.values.get("SERVER_HOSTNAME"):
            return str(named)
        if self.managed[ROUTE] and self.domain:
            return f"{self.name}-{self.owner.namespace}.{self.domain}"
        return f"{self.name}.{self.owner.namespace}.svc"

    @property
    def host(self) -> str:
        return self.hostname.partition(":")[0]

    @property
    def is_published(self) -> bool:
        """Whether the operator leads clients from outside to it."""
        return self.managed[ROUTE] and bool(
            self.domain or self.bundle.values.get("SERVER_HOSTNAME")
        )

    @property
    def scheme(self) -> str:
        if self.is_published:
            return "https"
        return str(self.bundle.values.get("PREFERRED_URL_SCHEME") or "http")

    @property
    def endpoint(self) -> str:
        return f"{self.scheme}://{self.hostname}"

    @property
    def makes_certificate(self) -> bool:
        """On OpenShift the router has one."""
        return self.is_published and self.managed[TLS] and not self.on_openshift

    @property
    def serves_tls(self) -> bool:
        """Whether pods have the certificate, and the router passes on what it cannot read."""
        is_brought = not self.managed[TLS] and not self.specification.component(TLS).secret
        return self.is_published and self.on_openshift and is_brought

    @property
    def port(self) -> str:
        """The name of the port at which pods answer requests."""
        return "https" if self.serves_tls else "http"

    def object(
        self, kind: Kind, suffix: str = "", component: str = "", *, owned: bool = True, **rest: Any
    ) -> Manifest:
        metadata: Manifest = {
            "name": f"{self.name}-{suffix}" if suffix else self.name,
            "namespace": self.owner.namespace,
            "labels": self.owner.labels(component),
        }
        if owned:
            metadata["ownerReferences"] = [self.owner.reference]
        return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, **rest}

    def labelled(self, manifest: Manifest, kind: str) -> Manifest:
        """``manifest`` with the labels and annotations that somebody wants on a component."""
        overrides = self.specification.component(kind).overrides
        metadata = {
            **manifest["metadata"],
            "labels": {**overrides.labels, **manifest["metadata"].get("labels", {})},
            "annotations": {**manifest["metadata"].get("annotations", {}), **overrides.annotations},
        }
        return {**manifest, "metadata": metadata}


def encoded(files: Mapping[str, bytes]) -> dict[str, str]:
    """As a Secret holds them."""
    return {name: base64.b64encode(content).decode() for name, content in files.items()}


def fingerprint(value: object) -> str:
    """Ten characters that differ where the value does."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:10]
