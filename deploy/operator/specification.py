"""The ``spec`` of a registry: what it asks for, or why it cannot be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deploy.operator.overrides import Overrides
from deploy.operator.refusals import Blocked

QUAY = "quay"
POSTGRES = "postgres"
REDIS = "redis"
STORAGE = "objectstorage"
ROUTE = "route"
TLS = "tls"
AUTOSCALER = "horizontalpodautoscaler"
MONITORING = "monitoring"

COMPONENTS = (QUAY, POSTGRES, REDIS, STORAGE, ROUTE, TLS, AUTOSCALER, MONITORING)
# Quay has them, and Berth has nothing like them: named, they do no harm.
UNSUPPORTED = ("clair", "clairpostgres", "mirror")

_WORKLOAD = {"env", "resources", "affinity", "labels", "annotations"}
_STORE = _WORKLOAD | {"volumeSize", "storageClassName"}
_OVERRIDABLE: Mapping[str, set[str]] = {
    QUAY: _WORKLOAD | {"replicas"},
    POSTGRES: _STORE,
    REDIS: _STORE,
    STORAGE: _STORE,
    ROUTE: {"labels", "annotations"},
}


@dataclass(frozen=True, slots=True)
class Component:
    managed: bool | None = None  # not said: managed, unless the configuration brings it
    overrides: Overrides = field(default_factory=Overrides)
    secret: str = ""  # of tls: the Secret with the certificate


@dataclass(frozen=True, slots=True)
class Specification:
    bundle: str = ""  # the name of the Secret with config.yaml
    components: Mapping[str, Component] = field(default_factory=dict)

    @classmethod
    def read(cls, spec: object) -> "Specification":
        """
        Raises:
            Blocked: with what is wrong first.
        """
        fields = _mapping(spec, "spec")
        bundle = fields.get("configBundleSecret") or ""
        if not isinstance(bundle, str):
            raise _invalid("spec.configBundleSecret is the name of a Secret")
        components: dict[str, Component] = {}
        entries = [] if fields.get("components") is None else fields["components"]
        if not isinstance(entries, list):
            raise _invalid("spec.components is a list")
        for number, entry in enumerate(entries):
            place = f"spec.components[{number}]"
            kind = _kind(_mapping(entry, place).get("kind"), place)
            if kind in components:
                raise _invalid(f"{place}: {kind} is there twice")
            components[kind] = _component(kind, entry, place)
        autoscaler = components.get(AUTOSCALER, Component())
        quay = components.get(QUAY, Component())
        if quay.overrides.replicas is not None and autoscaler.managed is not False:
            raise Blocked(
                "ComponentOverrideInvalid",
                f"{QUAY}: replicas are the autoscaler's to say, unless {AUTOSCALER} is unmanaged.",
            )
        return cls(bundle=bundle, components=components)

    def component(self, kind: str) -> Component:
        return self.components.get(kind, Component())


def _kind(kind: object, place: str) -> str:
    if kind in COMPONENTS or kind in UNSUPPORTED:
        return str(kind)
    names = ", ".join((*COMPONENTS, *UNSUPPORTED))
    raise _invalid(f"{place}.kind is {kind!r}, and none of {names}")


def _component(kind: str, entry: Mapping[str, Any], place: str) -> Component:
    managed = entry.get("managed")
    if managed is not None and not isinstance(managed, bool):
        raise _invalid(f"{place}.managed is true or false")
    if kind == QUAY and managed is False:
        raise _invalid(f"{place}: {QUAY} is the registry itself, which is always managed")
    if kind in UNSUPPORTED:
        return Component(managed=managed)
    overrides = _mapping(entry.get("overrides"), f"{place}.overrides")
    if overrides and managed is False:
        raise _override(f"{place}: what is not managed has no overrides")
    if unknown := sorted(set(overrides) - _OVERRIDABLE.get(kind, set())):
        raise _override(f"{place}: {kind} has no override {unknown[0]}")
    reference = _mapping(entry.get("secretRef"), f"{place}.secretRef")
    secret = reference.get("name") or ""
    if reference and (kind != TLS or managed is not False or not isinstance(secret, str)):
        raise _invalid(f"{place}.secretRef belongs to {TLS} where it is not managed, with a name")
    return Component(
        managed=managed,
        overrides=Overrides.read(overrides, place=f"{place}.overrides"),
        secret=secret,
    )


def _mapping(value: object, place: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _invalid(f"{place} is an object")
    return value


def _invalid(sentence: str) -> Blocked:
    return Blocked("SpecInvalid", f"{sentence}.")


def _override(sentence: str) -> Blocked:
    return Blocked("ComponentOverrideInvalid", f"{sentence}.")
