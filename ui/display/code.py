"""Source text in the colours of its language, cut where it is too long for a page."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from artifacts.oci.errors import ManifestInvalid
from artifacts.oci.strict_json import parse_object
from ui.display.costly import Remembered
from ui.display.text import spelled_out

MAX_COLOURED_LENGTH: Final = 64 * 1024  # characters; what is longer stays plain
MAX_COLOURED_PARTS: Final = 20_000  # of one text
MAX_SHOWN_LENGTH: Final = 1024 * 1024
_NUMBER = r"(?P<mi>[-+]?+(?:0x[0-9a-fA-F]++|[0-9]++(?:\.[0-9]++)?+(?:[eE][-+]?[0-9]++)?+)(?![\w.]))"
_STRINGS = r"""(?P<s2>"(?:[^"\\]|\\.)*+"?+)|(?P<s1>'[^']*+'?+)"""
_WORD = r"(?P<plain>[\w.$/-]++)"
_JSON = re.compile(
    rf"""(?P<nt>"(?:[^"\\]|\\.)*+"(?=\s*+:))|{_STRINGS}|{_NUMBER}
    |(?P<kc>(?:true|false|null)\b)|{_WORD}""",
    re.VERBOSE,
)
_GROOVY = re.compile(
    rf"""(?P<c1>//.*+|/\*.*+)|{_STRINGS}|{_NUMBER}
    |(?P<k>(?:def|new|return|if|else|for|in|try|catch|finally|true|false|null)\b)|{_WORD}""",
    re.VERBOSE,
)
_KEY = re.compile(
    r"""(?P<before>[ ]*+(?:-[ ]++)*+)
    (?P<key>"(?:[^"\\]|\\.)*+"|'[^']*+'|[^\s#:"'&*!|>%@`,\[\]{}](?:[^:#]|:(?=\S)|(?<!\s)\#)*+)
    :(?=\s|\Z)""",
    re.VERBOSE,
)
_VALUE = re.compile(
    rf"""(?P<c1>(?:(?<=\s)|\A)\#.*+)|{_STRINGS}|(?P<kt>[&*!][^\s,\[\]{{}}]*+)|{_NUMBER}
    |(?P<kc>(?:true|false|null|yes|no|on|off|~)(?=[\s,\]}}]|\Z))
    |(?P<plain>(?![-?]\s)[^\s,\[\]{{}}](?:[^\s,\[\]{{}}]|[ ]++(?!\#))*+)""",
    re.VERBOSE,
)
_BLOCK = re.compile(r"[ ]*+(?:-[ ]++)*+[|>][-+0-9]{0,2}\s*+(?:\#.*+)?\Z")

_Part = tuple[str, str]  # the class of a colour, or nothing, and the text

MAX_LINES = 3000
MAX_LENGTH = 256 * 1024
MAX_REMEMBERED_LENGTH = 4 * 1024 * 1024


def code_lines(text: str, language: str) -> Sequence[SafeString]:
    """The lines of ``text``, plain unless ``language`` is ``yaml``, ``json`` or ``groovy``."""
    lines = text[:MAX_SHOWN_LENGTH].split("\n")
    if not lines[-1]:
        lines.pop()
    read = _READERS.get(language) if len(text) <= MAX_COLOURED_LENGTH else None
    if read is None:
        return [escape(line) for line in lines]
    left = MAX_COLOURED_PARTS
    coloured = []
    for line, parts in zip(lines, read(lines), strict=True):
        pieces = list(parts) if left > 0 else [("", line)]
        left -= len(pieces)
        html = "".join(_html(style, part) for style, part in pieces)
        coloured.append(mark_safe(html))  # noqa: S308 - every part is escaped
    return coloured


def _html(style: str, text: str) -> str:
    return f'<span class="hl-{style}">{escape(text)}</span>' if style and text else escape(text)


def _plainly(pattern: re.Pattern[str]) -> Callable[[Sequence[str]], Iterator[Iterator[_Part]]]:
    """Lines of which each is by itself."""
    return lambda lines: (_parts(pattern, line) for line in lines)


def _yaml(lines: Sequence[str]) -> Iterator[Iterator[_Part]]:
    block: int | None = None  # how far the line above a block of text is indented
    for line in lines:
        indent = len(line) - len(line.lstrip(" "))
        if block is not None and (not line.strip() or indent > block):
            yield iter([("s2", line)])
            continue
        key = _KEY.match(line)
        rest = line[key.end() :] if key else line
        block = indent if _BLOCK.match(rest) else None
        yield _yaml_parts(key, rest)


def _yaml_parts(key: re.Match[str] | None, rest: str) -> Iterator[_Part]:
    if key:
        yield "", key["before"]
        yield "nt", key["key"]
        yield "", ":"
    yield from _parts(_VALUE, rest, plain="l-Scalar-Plain")


def _parts(pattern: re.Pattern[str], text: str, *, plain: str = "") -> Iterator[_Part]:
    """What ``pattern`` finds, by the names of its groups, and what lies between."""
    end = 0
    for match in pattern.finditer(text):
        if match.start() > end:
            yield "", text[end : match.start()]
        style = str(match.lastgroup)
        yield plain if style == "plain" else style, match[0]
        end = match.end()
    if end < len(text):
        yield "", text[end:]


_READERS: Mapping[str, Callable[[Sequence[str]], Iterator[Iterator[_Part]]]] = {
    "yaml": _yaml,
    "json": _plainly(_JSON),
    "groovy": _plainly(_GROOVY),
}


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
    beginning = "\n".join(head[:MAX_LINES])[:MAX_LENGTH]
    is_cut = len(head) > MAX_LINES or len(text) > MAX_LENGTH
    return Source(code_lines(spelled_out(beginning), language), is_cut)


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
