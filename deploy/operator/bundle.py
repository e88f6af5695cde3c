"""The Secret that ``configBundleSecret`` names: config.yaml, and files that go beside it."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import yaml

from deploy.operator.kinds import Manifest
from deploy.operator.refusals import Blocked
from deploy.operator.specification import (
    POSTGRES,
    REDIS,
    STORAGE,
    TLS,
    UNSUPPORTED,
    Specification,
)

CONFIG = "config.yaml"
CERTIFICATE = "ssl.cert"
PRIVATE_KEY = "ssl.key"
# Keys by which the configuration brings a component of its own.
_BROUGHT_BY: Mapping[str, tuple[str, ...]] = {
    POSTGRES: ("DB_URI",),
    REDIS: ("BROKER_URL",),
    STORAGE: ("DISTRIBUTED_STORAGE_CONFIG",),
}
_NEEDED = (POSTGRES, STORAGE)


@dataclass(frozen=True, slots=True)
class Bundle:
    values: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)  # all but config.yaml

    @classmethod
    def read(cls, secret: Manifest) -> "Bundle":
        """
        Raises:
            Blocked: config.yaml cannot be read. What its keys may be, Berth itself says.
        """
        name = secret["metadata"]["name"]
        try:
            files = {
                key: base64.b64decode(text, validate=True)
                for key, text in (secret.get("data") or {}).items()
            }
            values = yaml.safe_load(files.pop(CONFIG, b"").decode())
        except (yaml.YAMLError, UnicodeDecodeError, binascii.Error, RecursionError) as error:
            place = getattr(error, "problem_mark", None)
            line = f", line {place.line + 1}" if place else ""
            raise _invalid(f"{CONFIG} of the Secret {name} is no YAML{line}") from error
        if values is None:
            values = {}
        if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
            raise _invalid(f"{CONFIG} of the Secret {name} is no mapping of keys to values")
        return cls(values=_own_words(values), files=files)

    def brings(self, kind: str) -> bool:
        if kind == TLS:
            return CERTIFICATE in self.files and PRIVATE_KEY in self.files
        return any(self.values.get(key) for key in _BROUGHT_BY.get(kind, ()))


def managed(kind: str, specification: Specification, bundle: Bundle) -> bool:
    """Whether the operator is to see to a component.

    Raises:
        Blocked: the resource and the configuration contradict one another.
    """
    setting = specification.component(kind).managed
    if kind in UNSUPPORTED:
        return False
    brought = bundle.brings(kind)
    if setting and brought:
        raise _invalid(
            f"{kind} is managed, and the configuration brings its own: take that away, or say"
            " managed: false"
        )
    if setting is False and kind in _NEEDED and not brought:
        raise _invalid(f"{kind} is not managed, so {CONFIG} needs {_BROUGHT_BY[kind][0]}")
    if setting is False and kind == TLS and not (brought or specification.component(TLS).secret):
        raise _invalid(
            f"{TLS} is not managed, so the bundle needs {CERTIFICATE} and {PRIVATE_KEY}, or the"
            " component a secretRef"
        )
    return not brought if setting is None else setting


def check_stores(bundle: Bundle) -> None:
    """Several pods share them.

    Raises:
        Blocked: they cannot.
    """
    address = bundle.values.get("DB_URI")
    if address and not str(address).startswith(("postgresql://", "postgres://")):
        raise _invalid("DB_URI must begin with postgresql://: several pods share the database")
    places = bundle.values.get("DISTRIBUTED_STORAGE_CONFIG") or {}
    if not isinstance(places, dict):
        raise _invalid("DISTRIBUTED_STORAGE_CONFIG is a mapping of names to stores")
    if local := [name for name, place in places.items() if "LocalStorage" in _words(place)]:
        raise _invalid(f"the store {local[0]} is a folder of one pod: several pods share a bucket")


def _words(place: object) -> list[object]:
    return place if isinstance(place, list) else []


def _own_words(values: dict[str, Any]) -> dict[str, Any]:
    """Quay names the queue by its parts, once for builds and once for events."""
    own_values = {key: value for key, value in values.items() if not key.endswith("_REDIS")}
    parts = values.get("BUILDLOGS_REDIS")
    if "BROKER_URL" in own_values or not isinstance(parts, dict) or not parts.get("host"):
        return own_values
    login = f":{quote(str(parts['password']), safe='')}@" if parts.get("password") else ""
    scheme = "rediss" if parts.get("ssl") else "redis"
    return {
        **own_values,
        "BROKER_URL": f"{scheme}://{login}{parts['host']}:{parts.get('port') or 6379}/0",
    }


def _invalid(sentence: str) -> Blocked:
    return Blocked("ConfigInvalid", f"{sentence}.")
