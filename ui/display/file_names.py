"""The names under which a visitor saves what we send, whoever made them up.

Source: RFC 6266 and RFC 8187; "Naming Files, Paths, and Namespaces" of Windows.
"""

import re
import unicodedata
from typing import Final
from urllib.parse import quote

MAX_BYTES: Final = 200  # file systems take 255, and browsers add their own
_MAX_ENDING: Final = 20

_SEPARATORS = re.compile(r"[/\\]")
# What some system refuses, and what shows a name otherwise than it is.
_REFUSED = re.compile(
    '[\x00-\x1f\x7f-\x9f<>:"/\\\\|?*\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffd'
    "\ud800-\udfff]+"
)
_NOT_ASCII_SAFE = re.compile(r"[^A-Za-z0-9_+]+")
_ENDING = re.compile(r"(?:\.tar)?\.[A-Za-z0-9]+\Z", re.ASCII)
_DEVICES = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])", re.IGNORECASE)
_EDGES = "-. \u00a0"


def file_name(text: str, default: str) -> str:
    """The last part of ``text`` as a name that every system takes, in any script.

    ``default`` where nothing is left of it.
    """
    last = _SEPARATORS.split(unicodedata.normalize("NFC", text))[-1]
    return _no_device(_shortened(_REFUSED.sub("-", last).strip(_EDGES)) or default)


def ascii_name(text: str, default: str) -> str:
    """As ``file_name``, for what reads ASCII only. It keeps the ending."""
    name = unicodedata.normalize("NFKD", file_name(text, default)).encode("ascii", "ignore")
    first, *others = (
        _NOT_ASCII_SAFE.sub("-", part).strip("-") for part in name.decode().split(".")
    )
    stem = default.partition(".")[0]
    return _no_device(".".join(filter(None, (first or stem, *others))))


def saved_as(text: str, default: str = "download") -> str:
    """The ``Content-Disposition`` of something to save as ``text`` names it."""
    name, fallback = file_name(text, default), ascii_name(text, default)
    header = f'attachment; filename="{fallback}"'
    return header if name == fallback else f"{header}; filename*=UTF-8''{quote(name, safe='')}"


def _no_device(name: str) -> str:
    """Windows takes ``con.txt`` for its console."""
    return f"_{name}" if _DEVICES.fullmatch(name.partition(".")[0].strip()) else name


def _shortened(name: str) -> str:
    """At most ``MAX_BYTES`` of it; what is cut off stands before the ending."""
    if len(name.encode()) <= MAX_BYTES:
        return name
    match = _ENDING.search(name)
    ending = match[0] if match and len(match[0]) <= _MAX_ENDING else ""
    stem = name.removesuffix(ending).encode()[: MAX_BYTES - len(ending)]
    return stem.decode("utf-8", "ignore").rstrip(_EDGES) + ending
