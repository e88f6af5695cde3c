"""What Chart.yaml says, with the types that Helm gives it.

Helm reads a whole index of charts into such types at once, so one wrong type in one chart would
make the index of all unreadable. What has another type is refused here, and so is what Helm
refuses to load; what Helm does not know is left out.

Source: helm.sh/helm/v3/pkg/chart, metadata.go and dependency.go.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from artifacts.charts.archive import ChartUnreadable, NotLookedAt
from artifacts.charts.versions import MAX_VERSION_LENGTH, sort_key
from artifacts.charts.yaml_values import as_text
from artifacts.text import folded

MAX_NAME_LENGTH: Final = 250  # Helm's own limit
MAX_METADATA_LENGTH: Final = 64 * 1024  # of all fields, as JSON

# A name stands in file names and addresses.
NAME = re.compile(r"[A-Za-z0-9]++(?:[._-]*+[A-Za-z0-9]++)*+")

_ALIAS = re.compile(r"[A-Za-z0-9_-]+")
_SPACE = re.compile(r"[\t-\r\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
_NO_NAMES = ("", ".", "..")
_TYPES = ("", "application", "library")
_MOMENT = re.compile(  # RFC 3339
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})([.,][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
)

Metadata = Mapping[str, Any]


def parse_metadata(document: Any) -> dict[str, Any]:
    """The fields of a Chart.yaml that Helm knows, each of its type; absent ones are left out.

    Raises ``ChartUnreadable``.
    """
    metadata = _fields(document, _METADATA, "it")
    name, version = metadata.get("name", ""), metadata.get("version", "")
    if len(name) > MAX_NAME_LENGTH or not NAME.fullmatch(name):
        # Helm takes more for a name, but not these.
        refusal = ChartUnreadable if name in _NO_NAMES or "/" in name else NotLookedAt
        raise refusal(f"{name[:100]!r} is no name of a chart")
    if sort_key(version) is None:
        raise ChartUnreadable(
            f"{version[:MAX_VERSION_LENGTH]!r} is no version of a chart, such as 1.2.3"
        )
    if metadata.get("type", "") not in _TYPES:
        raise ChartUnreadable("its type is neither application nor library")
    if len(json.dumps(metadata)) > MAX_METADATA_LENGTH:
        raise NotLookedAt(f"it says more than {MAX_METADATA_LENGTH // 1024} KiB")
    return metadata


def parse_lock(document: Any) -> list[dict[str, Any]]:
    """What a Chart.lock or requirements.lock makes of the dependencies."""
    fields = _fields(document, _LOCK, "it")
    dependencies: list[dict[str, Any]] = fields.get("dependencies", [])
    return dependencies


def parse_values(document: Any) -> None:
    """Raises ``ChartUnreadable`` where Helm reads no values out of it."""
    _fields(document, {}, "it")


def parse_dependencies(document: Any) -> list[dict[str, Any]]:
    """The dependencies of a requirements.yaml, where charts of the first kind have them."""
    fields = _fields(document, {"dependencies": _dependencies}, "it")
    dependencies: list[dict[str, Any]] = fields.get("dependencies", [])
    return dependencies


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str | int | float):
        raise ChartUnreadable(f"{where} must be text")
    return as_text(value)


def _line(value: Any, where: str) -> str:
    """Text as Helm shows it: spaces for all that parts words, and nothing that does not print."""
    spaced = _SPACE.sub(" ", _text(value, where))
    return "".join(character for character in spaced if character.isprintable())


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise ChartUnreadable(f"{where} must be true or false")
    return value


def _lines(value: Any, where: str) -> list[str]:
    items = enumerate(_list(value, where))
    return [_line(item, f"{where}[{i}]") for i, item in items if item is not None]


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


def _anything(value: Any, where: str) -> list[Any]:
    _check_numbers(value, where)
    return _list(value, where)


def _check_numbers(value: Any, where: str) -> None:
    """What is not finite cannot be said in JSON, into which Helm turns all that it reads."""
    match value:
        case float() if not math.isfinite(value):
            raise ChartUnreadable(f"{where} must be a finite number")
        case list():
            for item in value:
                _check_numbers(item, where)
        case dict():
            for item in value.values():
                _check_numbers(item, where)


def _mappings(converters: Mapping[str, Callable[[Any, str], Any]]) -> Callable[[Any, str], Any]:
    def convert(value: Any, where: str) -> list[dict[str, Any]]:
        items = enumerate(_list(value, where))
        return [_fields(item, converters, f"{where}[{i}]") for i, item in items]

    return convert


def _locked(value: Any, where: str) -> list[dict[str, Any]]:
    """Nobody checks those of a lock, so that some may be null, or called as others are."""
    items = [item for item in _list(value, where) if item is not None]
    locked: list[dict[str, Any]] = _mappings(_DEPENDENCY)(items, where)
    return locked


def _moment(value: Any, where: str) -> str:
    match = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    with suppress(ValueError):
        if match and datetime.fromisoformat(match[1]):
            return match[0]
    raise ChartUnreadable(f"{where} must be a moment, such as 2026-01-02T03:04:05Z")


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
    document: Any, converters: Mapping[str, Callable[[Any, str], Any]], where: str
) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise ChartUnreadable(f"{where} must be a mapping")
    spelled = {folded(key): key for key in converters}
    fields: dict[str, Any] = {}
    # Go takes a field in any case, and several spellings in this order.
    for spelling in sorted(document):
        value, key = document[spelling], spelled.get(folded(spelling))
        if key is None:
            _check_numbers(value, spelling[:100])
        elif value is not None:
            field = converters[key](value, key if where == "it" else f"{where}.{key}")
            fields[key] = {**fields.get(key, {}), **field} if isinstance(field, dict) else field
        elif isinstance(fields.get(key), list | dict):
            del fields[key]
    return fields


_MAINTAINERS = _mappings({"name": _line, "email": _line, "url": _line})
_DEPENDENCY: Mapping[str, Callable[[Any, str], Any]] = {
    "name": _line,
    "version": _line,
    "repository": _line,
    "condition": _line,
    "tags": _lines,
    "enabled": _flag,
    "import-values": _anything,  # each is a name, or a mapping of two; Helm takes what stands there
    "alias": _text,
}
_LOCK: Mapping[str, Callable[[Any, str], Any]] = {
    "generated": _moment,
    "digest": _text,
    "dependencies": _locked,
}
_METADATA: Mapping[str, Callable[[Any, str], Any]] = {
    "apiVersion": _text,
    "name": _line,
    "version": _text,
    "appVersion": _line,
    "kubeVersion": _line,
    "type": _text,
    "description": _line,
    "deprecated": _flag,
    "home": _line,
    "icon": _line,
    "keywords": _lines,
    "sources": _lines,
    "maintainers": _MAINTAINERS,
    "condition": _line,
    "tags": _line,
    "annotations": _mapping_of_texts,
    "dependencies": _dependencies,
}
