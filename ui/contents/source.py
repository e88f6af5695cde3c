"""Source text for ``ui/parts/code.html``, cut where it is too long for a page."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString

from artifacts.oci.errors import ManifestInvalid
from artifacts.oci.strict_json import parse_object
from ui.code import code_lines
from ui.contents.text import spelled_out
from ui.remembered import Remembered

MAX_LINES = 3000
MAX_LENGTH = 256 * 1024
MAX_REMEMBERED_LENGTH = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """``is_cut`` when there is more, ``is_arranged`` when the line breaks are ours."""

    lines: Sequence[SafeString]
    is_cut: bool = False
    is_arranged: bool = False


def source(text: str, language: str) -> Source:
    """As much of ``text`` as a page has room for, in the colours of ``language``."""
    return _remembered.get(f"{language} {text[: MAX_LENGTH + 1]}")


def _made(question: str) -> Source:
    language, _, text = question.partition(" ")
    head = text[: MAX_LENGTH + 1].splitlines()[: MAX_LINES + 1]
    kept = "\n".join(head[:MAX_LINES])[:MAX_LENGTH]
    is_cut = len(head) > MAX_LINES or len(text) > MAX_LENGTH
    return Source(code_lines(spelled_out(kept), language), is_cut)


def _length(made: Source) -> int:
    return sum(map(len, made.lines)) + 100 * len(made.lines)


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


_remembered = Remembered(_made, length_of=_length, max_length=MAX_REMEMBERED_LENGTH)
