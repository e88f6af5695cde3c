"""Source text for ``ui/parts/code.html``, cut where it is too long for a page."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.utils.safestring import SafeString

from artifacts.oci.errors import ManifestInvalid
from artifacts.oci.strict_json import parse_object
from ui.code import code_lines
from ui.contents.text import spelled_out

MAX_LINES = 3000
MAX_LENGTH = 256 * 1024
MAX_COLOURED_LENGTH = 64 * 1024
MAX_REMEMBERED_LENGTH = 16 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """``is_cut`` when there is more, ``is_arranged`` when the line breaks are ours."""

    lines: Sequence[SafeString]
    is_cut: bool = False
    is_arranged: bool = False


def source(text: str, language: str) -> Source:
    """The same text is asked for again and again, so short ones are remembered."""
    return (
        _remembered(text, language) if len(text) <= MAX_REMEMBERED_LENGTH else _cut(text, language)
    )


@lru_cache(maxsize=128)
def _remembered(text: str, language: str) -> Source:
    return _cut(text, language)


def _cut(text: str, language: str) -> Source:
    head = text[: MAX_LENGTH + 1].splitlines()[: MAX_LINES + 1]
    kept = "\n".join(head[:MAX_LINES])[:MAX_LENGTH]
    is_cut = len(head) > MAX_LINES or len(text) > MAX_LENGTH
    coloured = language if len(kept) <= MAX_COLOURED_LENGTH else "text"
    return Source(code_lines(spelled_out(kept), coloured), is_cut)


def json_source(content: bytes) -> Source:
    """JSON, in lines: its own, or ours where it has none."""
    text = content.decode("utf-8", "replace")
    arranged = _arranged(content) if "\n" not in text.strip() else ""
    shown = source(arranged or text, "json")
    return Source(shown.lines, shown.is_cut, bool(arranged))


def _arranged(content: bytes) -> str:
    if len(content) > MAX_LENGTH:
        return ""
    try:
        return json.dumps(parse_object(content, for_answers=True), indent=2, ensure_ascii=False)
    except ManifestInvalid:
        return ""
