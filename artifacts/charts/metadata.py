"""What Chart.yaml says, with the types that Helm gives it.

Helm reads a whole index of charts into such types at once, so one wrong type in one chart would
make the index of all unreadable. What has another type is refused here; what Helm does not know
is left out.

Source: helm.sh/helm/v3/pkg/chart, metadata.go and dependency.go.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from artifacts.charts.errors import ChartUnreadable
from artifacts.charts.versions import MAX_VERSION_LENGTH, sort_key

MAX_NAME_LENGTH: Final = 250  # Helm's own limit
MAX_METADATA_LENGTH: Final = 64 * 1024  # of all fields, as JSON

# A name stands in file names and addresses.
_NAME = re.compile(r"[A-Za-z0-9]++(?:[._-]*+[A-Za-z0-9]++)*+")

Metadata = Mapping[str, Any]


def parse_metadata(document: Any) -> dict[str, Any]:
    """The fields of a Chart.yaml that Helm knows, each of its type; absent ones are left out.

    Raises ``ChartUnreadable``.
    """
    metadata = _fields(document, _METADATA, "it")
    name, version = metadata.get("name", ""), metadata.get("version", "")
    if len(name) > MAX_NAME_LENGTH or not _NAME.fullmatch(name):
        raise ChartUnreadable(f"{name[:100]!r} is no name of a chart")
    if sort_key(version) is None:
        raise ChartUnreadable(
            f"{version[:MAX_VERSION_LENGTH]!r} is no semantic version of a chart, such as 1.2.3"
        )
    if len(json.dumps(metadata)) > MAX_METADATA_LENGTH:
        raise ChartUnreadable(f"it says more than {MAX_METADATA_LENGTH // 1024} KiB")
    return metadata


def parse_dependencies(document: Any) -> list[dict[str, Any]]:
    """The dependencies of a requirements.yaml, where charts of the first kind have them."""
    fields = _fields(document, {"dependencies": _DEPENDENCIES}, "it")
    found: list[dict[str, Any]] = fields.get("dependencies", [])
    return found


def _text(value: Any, where: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        raise ChartUnreadable(f"{where} must be text")
    return value


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise ChartUnreadable(f"{where} must be true or false")
    return value


def _texts(value: Any, where: str) -> list[str]:
    return [_text(item, f"{where}[{i}]") for i, item in enumerate(_list(value, where)) if item]


def _mapping_of_texts(value: Any, where: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ChartUnreadable(f"{where} must be a mapping")
    return {key: _text(item, f"{where}.{key[:100]}") for key, item in value.items() if item}


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise ChartUnreadable(f"{where} must be a list")
    return value


def _mappings(known: Mapping[str, Callable[[Any, str], Any]]) -> Callable[[Any, str], Any]:
    def convert(value: Any, where: str) -> list[dict[str, Any]]:
        items = enumerate(_list(value, where))
        return [_fields(item, known, f"{where}[{i}]") for i, item in items if item]

    return convert


def _import_values(value: Any, where: str) -> list[Any]:
    """Each is a name, or a mapping of two."""
    return [
        _mapping_of_texts(item, f"{where}[{i}]")
        if isinstance(item, dict)
        else _text(item, f"{where}[{i}]")
        for i, item in enumerate(_list(value, where))
    ]


def _fields(
    document: Any, known: Mapping[str, Callable[[Any, str], Any]], where: str
) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise ChartUnreadable(f"{where} must be a mapping")
    return {
        key: convert(document[key], key if where == "it" else f"{where}.{key}")
        for key, convert in known.items()
        if document.get(key) is not None
    }


_MAINTAINERS = _mappings({"name": _text, "email": _text, "url": _text})
_DEPENDENCIES = _mappings(
    {
        "name": _text,
        "version": _text,
        "repository": _text,
        "condition": _text,
        "tags": _texts,
        "enabled": _flag,
        "import-values": _import_values,
        "alias": _text,
    }
)
_METADATA: Mapping[str, Callable[[Any, str], Any]] = {
    "apiVersion": _text,
    "name": _text,
    "version": _text,
    "appVersion": _text,
    "kubeVersion": _text,
    "type": _text,
    "description": _text,
    "deprecated": _flag,
    "home": _text,
    "icon": _text,
    "keywords": _texts,
    "sources": _texts,
    "maintainers": _MAINTAINERS,
    "condition": _text,
    "tags": _text,
    "annotations": _mapping_of_texts,
    "dependencies": _DEPENDENCIES,
}
