"""Chart versions: what is one, and which is newer.

Source: Semantic Versioning 2.0.0; and Masterminds/semver, with which Helm reads versions: a ``v``
in front is allowed, minor and patch may be missing.
"""

import re

MAX_VERSION_LENGTH = 128  # as much as a tag holds
MAX_KEY_LENGTH = 3 * MAX_VERSION_LENGTH

_NUMBER = r"(0|[1-9][0-9]*)"
_IDENTIFIERS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION = re.compile(
    rf"v?{_NUMBER}(?:\.{_NUMBER})?(?:\.{_NUMBER})?(?:-({_IDENTIFIERS}))?(?:\+{_IDENTIFIERS})?"
)


def sort_key(version: str) -> str | None:
    """Text that sorts, byte by byte, as versions do; ``None`` for what is no version.

    Each number goes behind the count of its digits. What follows the three numbers puts a
    pre-release (``-``) before its release (``~``). A pre-release's identifiers are marked so
    that numbers come before words, and divided by ``!``, which is below all they may hold.
    """
    found = _VERSION.fullmatch(version) if len(version) <= MAX_VERSION_LENGTH else None
    if found is None:
        return None
    *numbers, prerelease = found.groups()
    core = ".".join(_number(number or "0") for number in numbers)
    if prerelease is None:
        return f"{core}~"
    return f"{core}-{'!'.join(_identifier(part) for part in prerelease.split('.'))}"


def _number(digits: str) -> str:
    return f"{len(digits):03d}{digits}"


def _identifier(part: str) -> str:
    if part.isdigit():
        return f"0{_number(part.lstrip('0') or '0')}"
    return f"1{part}"
