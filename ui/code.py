"""Source text with colours, line by line, for ``ui/parts/code.html``."""

from collections.abc import Sequence

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from pygments import lex
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES

MAX_COLOURED_LENGTH = 256 * 1024  # characters; what is longer stays plain
MAX_SHOWN_LENGTH = 1024 * 1024


def code_lines(text: str, language: str) -> Sequence[SafeString]:
    """The lines of ``text``; ``language`` is a name of Pygments', ``yaml`` or ``json`` say."""
    shown = text[:MAX_SHOWN_LENGTH]
    if len(shown) > MAX_COLOURED_LENGTH:
        return [escape(line) for line in shown.splitlines()]
    lines: list[list[str]] = [[]]
    for kind, value in lex(shown, get_lexer_by_name(language, stripnl=False, ensurenl=False)):
        style = STANDARD_TYPES.get(kind, "")
        for number, part in enumerate(value.split("\n")):
            if number:
                lines.append([])
            if part:
                lines[-1].append(_coloured(part, style))
    if not lines[-1]:
        lines.pop()
    return [mark_safe("".join(line)) for line in lines]  # noqa: S308 - every part is escaped


def _coloured(text: str, style: str) -> str:
    return f'<span class="hl-{style}">{escape(text)}</span>' if style else escape(text)
