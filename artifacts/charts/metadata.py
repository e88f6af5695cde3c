"""What Chart.yaml says, with the types that Helm gives it.

Helm reads a whole index of charts into such types at once, so one wrong type in one chart would
make the index of all unreadable. What has another type is refused here, and so is what Helm
refuses to load; what Helm does not know is left out.

Source: helm.sh/helm/v3/pkg/chart, metadata.go and dependency.go.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from artifacts.charts.archive import ChartUnreadable
from artifacts.charts.versions import MAX_VERSION_LENGTH, sort_key

MAX_NAME_LENGTH: Final = 250  # Helm's own limit
MAX_METADATA_LENGTH: Final = 64 * 1024  # of all fields, as JSON

# A name stands in file names and addresses.
_NAME = re.compile(r"[A-Za-z0-9]++(?:[._-]*+[A-Za-z0-9]++)*+")

_ALIAS = re.compile(r"[A-Za-z0-9_-]+")
_TYPES = ("", "application", "library")

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
            f"{version[:MAX_VERSION_LENGTH]!r} is no version of a chart, such as 1.2.3"
        )
    if metadata.get("type", "") not in _TYPES:
        raise ChartUnreadable("its type is neither application nor library")
    if len(json.dumps(metadata)) > MAX_METADATA_LENGTH:
        raise ChartUnreadable(f"it says more than {MAX_METADATA_LENGTH // 1024} KiB")
    return metadata


def parse_dependencies(document: Any) -> list[dict[str, Any]]:
    """The dependencies of a requirements.yaml, where charts of the first kind have them."""
    fields = _fields(document, {"dependencies": _dependencies}, "it")
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
    items = enumerate(_list(value, where))
    return [_text(item, f"{where}[{i}]") for i, item in items if item is not None]


def _mapping_of_texts(value: Any, where: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ChartUnreadable(f"{where} must be a mapping")
    return {
        key: _text(item, f"{where}.{key[:100]}") for key, item in value.items() if item is not None
    }


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise ChartUnreadable(f"{where} must be a list")
    return value


def _mappings(known: Mapping[str, Callable[[Any, str], Any]]) -> Callable[[Any, str], Any]:
    def convert(value: Any, where: str) -> list[dict[str, Any]]:
        items = enumerate(_list(value, where))
        return [_fields(item, known, f"{where}[{i}]") for i, item in items]

    return convert


def _dependencies(value: Any, where: str) -> list[dict[str, Any]]:
    dependencies: list[dict[str, Any]] = _mappings(_DEPENDENCY)(value, where)
    names = set()
    for one in dependencies:
        alias = one.get("alias", "")
        if alias and not _ALIAS.fullmatch(alias):
            raise ChartUnreadable(f"{alias[:100]!r} is no alias of a dependency")
        names.add(alias or one.get("name", ""))
    if len(names) < len(dependencies):
        raise ChartUnreadable(f"two of its {where} have the same name or alias")
    return dependencies


def _fields(
    document: Any, known: Mapping[str, Callable[[Any, str], Any]], where: str
) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise ChartUnreadable(f"{where} must be a mapping")
    spelled = {key.lower(): key for key in known}
    # Go takes a field in any case; of several spellings the last in this order says what it is.
    given = {spelled[key.lower()]: key for key in sorted(document) if key.lower() in spelled}
    return {
        key: known[key](document[given[key]], key if where == "it" else f"{where}.{key}")
        for key in known
        if key in given and document[given[key]] is not None
    }


_MAINTAINERS = _mappings({"name": _text, "email": _text, "url": _text})
_DEPENDENCY: Mapping[str, Callable[[Any, str], Any]] = {
    "name": _text,
    "version": _text,
    "repository": _text,
    "condition": _text,
    "tags": _texts,
    "enabled": _flag,
    "import-values": _list,  # each is a name, or a mapping of two; Helm takes whatever stands there
    "alias": _text,
}
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
    "dependencies": _dependencies,
}
