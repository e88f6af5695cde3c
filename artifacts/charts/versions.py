"""Chart versions: what is one, and which is newer.

Source: Masterminds/semver v3, ``NewVersion`` and ``Compare``, with which Helm reads versions.
It takes more than Semantic Versioning 2.0.0: a ``v`` in front, no minor and patch, zeros before
the numbers, as calendar versions have them.
"""

import re

MAX_VERSION_LENGTH = 128  # as much as a tag holds
MAX_KEY_LENGTH = 3 * MAX_VERSION_LENGTH

_MAX_NUMBER = 2**64 - 1  # what Go's uint64 holds
_IDENTIFIERS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION = re.compile(
    rf"v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-({_IDENTIFIERS}))?(?:\+{_IDENTIFIERS})?"
)
_ZERO_IN_FRONT = re.compile(r"0[0-9]+")


def sort_key(version: str) -> str | None:
    """Text that sorts, byte by byte, as versions do; ``None`` for what Helm takes for no version.

    Each number goes behind the count of its digits. What follows the three numbers puts a
    pre-release (``-``) before its release (``~``). A pre-release's identifiers are marked so
    that numbers come before words, and divided by ``!``, which is below all they may hold.
    """
    match = _VERSION.fullmatch(version) if len(version) <= MAX_VERSION_LENGTH else None
    if match is None:
        return None
    *numbers, prerelease = match.groups()
    if any(int(number or "0") > _MAX_NUMBER for number in numbers):
        return None
    core = ".".join(_number(number or "0") for number in numbers)
    if prerelease is None:
        return f"{core}~"
    identifiers = prerelease.split(".")
    if any(_ZERO_IN_FRONT.fullmatch(part) for part in identifiers):
        return None
    return f"{core}-{'!'.join(map(_identifier, identifiers))}"


def _number(digits: str) -> str:
    digits = digits.lstrip("0") or "0"
    return f"{len(digits):03d}{digits}"


def _identifier(part: str) -> str:
    """Digits that no uint64 holds are a word to Masterminds/semver."""
    if part.isdigit() and int(part) <= _MAX_NUMBER:
        return f"0{_number(part)}"
    return f"1{part}"
