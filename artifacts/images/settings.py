"""What an image runs, and how: the ``config`` of its config, whatever types it has.

Source: image-spec v1.1, config.md, "Properties".
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from artifacts.oci.platforms import platform_name

MAX_ITEMS = 200


@dataclass(frozen=True, slots=True)
class Settings:
    """Each is empty where the config does not say it, or says it in another type."""

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
            created=_text(document, "created"),
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


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""


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
