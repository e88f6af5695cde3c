"""The config of a container image: what it runs and how, how it came to be, and its labels.

Source: image-spec v1.1, config.md; Docker's "Image Specification v1.2", which has the same labels.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from artifacts.oci.descriptors import Descriptor, platform_name
from artifacts.oci.errors import ManifestInvalid
from artifacts.oci.strict_json import MAX_SHOWN_VALUES, parse_object

MAX_CONFIG_BYTES = 4 * 1024 * 1024
MAX_ITEMS = 200

_SHELL = re.compile(r"(?:\|\d+ .*? )?/bin/sh -c\s+", re.DOTALL)
_NOTHING = "#(nop)"
_BUILDKIT = "# buildkit"
_NEVER = "0001-01-01T00:00:00Z"  # so Go writes a moment that nobody set


class ConfigUnreadable(ValueError):
    """The bytes are no image config; the message says why, in one sentence."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One step of a build. Where ``is_empty``, it added no layer."""

    created: str
    created_by: str
    author: str
    comment: str
    is_empty: bool


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """``document`` is the whole JSON; ``history`` is oldest first, and often missing."""

    document: Mapping[str, Any]
    architecture: str
    history: tuple[HistoryEntry, ...]

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Raises ``ConfigUnreadable``."""
        try:
            document = parse_object(content, max_values=MAX_SHOWN_VALUES)
        except ManifestInvalid as error:
            raise ConfigUnreadable(f"its config cannot be read: {error.reason}") from error
        return cls.of(document)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Of JSON that has been read. Raises ``ConfigUnreadable``."""
        history = _history(document.get("history"))
        if history is None:
            raise ConfigUnreadable("its config has a history that is no list of objects")
        return cls(
            document=document,
            architecture=_text(document, "architecture"),
            history=tuple(_entry(item) for item in history),
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """What an image runs, and how: the ``config`` of its config, whatever types it has.

    Each is empty where the config does not say it, or says it in another type.
    """

    platform: str
    created: str
    author: str
    entrypoint: str
    command: str
    user: str
    folder: str
    stop_signal: str
    health_check: str
    environment: Sequence[tuple[str, str]]
    ports: Sequence[str]
    volumes: Sequence[str]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        inner = document.get("config")
        config: Mapping[str, Any] = inner if isinstance(inner, dict) else {}
        check = config.get("Healthcheck")
        return cls(
            platform=platform_name(document),
            created=_moment(document),
            author=_text(document, "author"),
            entrypoint=_command(config.get("Entrypoint")),
            command=_command(config.get("Cmd")),
            user=_text(config, "User"),
            folder=_text(config, "WorkingDir"),
            stop_signal=_text(config, "StopSignal"),
            health_check=_command(check.get("Test")) if isinstance(check, dict) else "",
            environment=[_pair(item) for item in _texts(config.get("Env"))],
            ports=_keys(config.get("ExposedPorts")),
            volumes=_keys(config.get("Volumes")),
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a build, with the layer that it made.

    ``layer`` is the one it made: none where it made none, or where nobody can tell.
    """

    instruction: str
    created: str
    comment: str
    layer: Descriptor | None


def build_steps(history: Sequence[HistoryEntry], layers: Sequence[Descriptor]) -> list[Step]:
    """The history, oldest first. Where it tells of other layers than there are, without them."""
    fits = sum(not entry.is_empty for entry in history) == len(layers)
    return list(_steps(history, iter(layers if fits else ())))


def _steps(history: Sequence[HistoryEntry], left: Iterator[Descriptor]) -> Iterator[Step]:
    for entry in history:
        layer = None if entry.is_empty else next(left, None)
        yield Step(instruction(entry.created_by), entry.created, entry.comment, layer)


def instruction(created_by: str) -> str:
    """What a Containerfile would say, of what builders write."""
    plain = created_by.strip().removesuffix(_BUILDKIT).rstrip()
    text = plain.removeprefix("RUN ")
    if (shell := _SHELL.match(text)) is None:
        return plain
    rest = text[shell.end() :].strip()
    if rest.startswith(_NOTHING):
        return rest.removeprefix(_NOTHING).strip()
    return f"RUN {rest}"


def labels_of(config: bytes) -> Mapping[str, str]:
    """Labels with text as their value; none when the config is not what the spec says.

    A config with two readings, such as one with a key twice, has none.
    """
    if len(config) > MAX_CONFIG_BYTES:
        return {}
    try:
        document = parse_object(config)
    except ManifestInvalid:
        return {}
    return labels_in(document)


def labels_in(image: Mapping[str, Any]) -> Mapping[str, str]:
    """As ``labels_of``, of a config that has been read."""
    settings = image.get("config")
    labels = settings.get("Labels") if isinstance(settings, dict) else None
    if not isinstance(labels, dict):
        return {}
    return {key: value for key, value in labels.items() if isinstance(value, str) and key}


def _history(value: Any) -> list[Mapping[str, Any]] | None:
    """``None`` where it has another type. Go reads ``null`` as a list, or an entry, of nothing."""
    items = [] if value is None else value
    if not isinstance(items, list) or not all(isinstance(item, dict | None) for item in items):
        return None
    return [item or {} for item in items]


def _entry(item: Mapping[str, Any]) -> HistoryEntry:
    return HistoryEntry(
        created=_moment(item),
        created_by=_text(item, "created_by"),
        author=_text(item, "author"),
        comment=_text(item, "comment"),
        is_empty=item.get("empty_layer") is True,
    )


def _text(item: Mapping[str, Any], key: str) -> str:
    value = item.get(key)
    return value if isinstance(value, str) else ""


def _moment(item: Mapping[str, Any]) -> str:
    text = _text(item, "created")
    return "" if text == _NEVER else text


def _texts(value: Any) -> list[str]:
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, str)][:MAX_ITEMS]


def _command(value: Any) -> str:
    """As a list in JSON, which is how Containerfiles write it; old images have one text."""
    if isinstance(value, str):
        return value
    texts = _texts(value)
    return json.dumps(texts, ensure_ascii=False) if texts else ""


def _pair(item: str) -> tuple[str, str]:
    name, _, value = item.partition("=")
    return name, value


def _keys(value: Any) -> list[str]:
    return sorted(value)[:MAX_ITEMS] if isinstance(value, dict) else []
