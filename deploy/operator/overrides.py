"""What somebody wants otherwise in a component than the operator would make it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deploy.operator.refusals import Blocked

MOST_REPLICAS = 1000
_QUANTITY = re.compile(r"[1-9][0-9]*(\.[0-9]+)?([KMGTPE]i?)?")


@dataclass(frozen=True, slots=True)
class Overrides:
    replicas: int | None = None
    volume_size: str = ""
    storage_class: str = ""
    env: tuple[Mapping[str, Any], ...] = ()
    resources: Mapping[str, Any] | None = None
    affinity: Mapping[str, Any] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, fields: Mapping[str, Any], *, place: str) -> "Overrides":
        """
        Raises:
            Blocked: a value is none that Kubernetes could take. The rest it says itself.
        """
        read = _Reader(fields, place)
        return cls(
            replicas=read.replicas(),
            volume_size=read.text("volumeSize", _QUANTITY),
            storage_class=read.text("storageClassName", re.compile(r"[a-z0-9]([a-z0-9.-]*)")),
            env=read.env(),
            resources=read.mapping("resources"),
            affinity=read.mapping("affinity"),
            labels=read.texts("labels"),
            annotations=read.texts("annotations"),
        )


@dataclass(frozen=True, slots=True)
class _Reader:
    fields: Mapping[str, Any]
    place: str

    def replicas(self) -> int | None:
        value = self.fields.get("replicas")
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_REPLICAS:
            raise self._refusal("replicas", f"is a whole number up to {MOST_REPLICAS}")
        return value

    def text(self, name: str, pattern: re.Pattern[str]) -> str:
        value = self.fields.get(name)
        if value is None:
            return ""
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise self._refusal(name, f"is not {value!r}")
        return value

    def mapping(self, name: str) -> Mapping[str, Any] | None:
        value = self.fields.get(name)
        if value is not None and not isinstance(value, Mapping):
            raise self._refusal(name, "is an object")
        return value

    def texts(self, name: str) -> Mapping[str, str]:
        value = self.mapping(name) or {}
        if not all(isinstance(text, str) for text in value.values()):
            raise self._refusal(name, "has texts as values")
        if name == "labels" and (ours := [key for key in value if key.startswith("app.kub")]):
            raise self._refusal(name, f"may not set {ours[0]}: by it objects are found")
        return value

    def env(self) -> tuple[Mapping[str, Any], ...]:
        value = self.fields.get("env")
        if value is None:
            return ()
        if not isinstance(value, list) or not all(
            isinstance(entry, Mapping) and isinstance(entry.get("name"), str) for entry in value
        ):
            raise self._refusal("env", "is a list of variables, each with a name")
        return tuple(value)

    def _refusal(self, name: str, sentence: str) -> Blocked:
        return Blocked("ComponentOverrideInvalid", f"{self.place}.{name} {sentence}.")
