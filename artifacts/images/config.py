"""The config of a container image: what it runs, and how it came to be.

Source: image-spec v1.1, config.md; Docker's "Image Specification v1.2".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from artifacts.oci.errors import ManifestInvalid
from artifacts.oci.strict_json import MAX_SHOWN_VALUES, parse_object


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
        history = _history(document.get("history"))
        if history is None:
            raise ConfigUnreadable("its config has a history that is no list of objects")
        return cls(
            document=document,
            architecture=_text(document, "architecture"),
            history=tuple(_entry(item) for item in history),
        )


def _history(value: Any) -> list[Mapping[str, Any]] | None:
    """``None`` where it has another type. Go reads ``null`` as a list, or an entry, of nothing."""
    items = [] if value is None else value
    if not isinstance(items, list) or not all(isinstance(item, dict | None) for item in items):
        return None
    return [item or {} for item in items]


def _entry(item: Mapping[str, Any]) -> HistoryEntry:
    return HistoryEntry(
        created=_text(item, "created"),
        created_by=_text(item, "created_by"),
        author=_text(item, "author"),
        comment=_text(item, "comment"),
        is_empty=item.get("empty_layer") is True,
    )


def _text(item: Mapping[str, Any], key: str) -> str:
    value = item.get(key)
    return value if isinstance(value, str) else ""
