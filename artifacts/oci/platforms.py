"""What a platform is called: as an entry of an index and the config of an image tell it.

Source: image-spec v1.1, image-index.md, ``platform``, and config.md, which has the same words.
"""

from collections.abc import Iterator, Mapping
from typing import Any


def platform_name(said: Mapping[str, Any]) -> str:
    """``linux/arm64/v8``, ``windows/amd64 10.0.17763.5329 (win32k)``; empty where nothing is said.

    Builds of Windows run on a kernel of their own version alone, so it is part of the name.
    """
    words = (said.get(key) for key in ("os", "architecture", "variant"))
    parts = ["/".join(word for word in words if isinstance(word, str) and word)]
    version = said.get("os.version")
    if isinstance(version, str):
        parts.append(version)
    if features := ", ".join(_features(said)):
        parts.append(f"({features})")
    return " ".join(filter(None, parts))


def _features(said: Mapping[str, Any]) -> Iterator[str]:
    """``features`` are the processor's, in Docker's lists."""
    for key in ("os.features", "features"):
        value = said.get(key)
        if isinstance(value, list):
            yield from (item for item in value[:10] if isinstance(item, str) and item)
