"""Markdown that people wrote, as HTML that can do no harm.

Raw HTML is shown as text, images are left out (they would tell their host who reads this), and
links lead only to the web, to mail and to other artifacts.

A few kilobytes can ask for a million cells or the same long address ten thousand times, so a
whole text has one budget. What does not fit is left out, and that is said.
"""

import re
from collections.abc import Sequence
from itertools import islice
from typing import Final

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.table import table
from markdown_it.token import Token

from ui.display.costly import Remembered

MAX_LENGTH: Final = 64 * 1024  # characters
MAX_SIGNS: Final = 8 * 1024  # that Markdown may take for more than letters
MAX_LINES: Final = 4_000
MAX_CELLS: Final = 5_000  # of all tables
MAX_ADDRESSES_LENGTH: Final = 256 * 1024  # of all links, with their titles
MAX_REMEMBERED_LENGTH: Final = 4 * 1024 * 1024

_SIGN = re.compile(r"[\n\[\]()*_`<>!\\~&#]")
_LINE = re.compile("\n")
_CELLS_LEFT = "cells left"
_LEFT_OUT = mark_safe("<p><em>The rest is too long to be shown here.</em></p>")
_HEADING_TAGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_TAGS = {
    *_HEADING_TAGS,
    *("p", "br", "hr", "blockquote", "pre", "code"),
    *("ul", "ol", "li", "strong", "em", "s", "a"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES: dict[str, set[str]] = {"a": {"href", "title"}, "ol": {"start"}}
_OUR_ATTRIBUTES = _ATTRIBUTES | {tag: {"id"} for tag in _HEADING_TAGS}
# What may be wider than its column scrolls by itself, so the keyboard must reach it.
_SCROLLED = {"pre": {"tabindex": "0"}, "table": {"tabindex": "0"}}
_SCHEMES = {"http", "https", "mailto", "oci"}
_HEADINGS = 6


def prose(text: str, *, top_heading: int = 1) -> SafeString:
    """``text`` rendered, as much of it as a page has room for.

    Args:
        top_heading: the level that its first level becomes, where it stands below others.
    """
    return _remembered.get(f"{top_heading} {text[: MAX_LENGTH + 1]}")


def is_cut(text: str) -> bool:
    """Whether ``prose`` leaves out an end of it."""
    return len(_cut(text)) < len(text)


def first_words(text: str, *, most: int) -> str:
    """The first paragraph or heading of ``text`` as it reads, without Markdown's signs."""
    inline = next((token for token in parsed(text[: 4 * most]) if token.type == "inline"), None)
    read = "".join(
        " " if part.type in {"softbreak", "hardbreak"} else part.content
        for part in (inline.children or [] if inline else [])
        if part.type != "image"
    )
    return read if len(read) <= most else f"{read[: most - 1]}…"


def parsed(text: str) -> list[Token]:
    """The tokens of ``text``, which must be ours, or short."""
    return _ENGINE.parse(text, {_CELLS_LEFT: MAX_CELLS})


def rendered(tokens: Sequence[Token], *, is_ours: bool = False) -> SafeString:
    """HTML of ``tokens``. In what we wrote ourselves headings may have ids.

    An id that a stranger chooses could pass for a part of the page.
    """
    html = nh3.clean(
        _ENGINE.renderer.render(tokens, _ENGINE.options, {}),
        tags=_TAGS,
        attributes=_OUR_ATTRIBUTES if is_ours else _ATTRIBUTES,
        set_tag_attribute_values=_SCROLLED,
        url_schemes=_SCHEMES,
        link_rel=None if is_ours else "nofollow noopener ugc",
        # What a stranger's text calls its neighbour would be a page of ours.
        url_relative="pass_through" if is_ours else "deny",
    )
    return mark_safe(html)  # noqa: S308 - what is not on the lists above is gone


def _made(question: str) -> SafeString:
    top_heading, _, text = question.partition(" ")
    beginning = _cut(text)
    tokens = parsed(beginning)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(_HEADINGS, int(token.tag[1]) + int(top_heading) - 1)}"
    _drop_addresses(tokens)
    html = rendered(tokens)
    return html if len(beginning) == len(text) else html + _LEFT_OUT


def _cut(text: str) -> str:
    """As many whole lines of ``text`` as the budget has room for."""
    beginning = text[:MAX_LENGTH]
    for pattern, most in ((_SIGN, MAX_SIGNS), (_LINE, MAX_LINES)):
        first_too_many = next(islice(pattern.finditer(beginning), most, None), None)
        if first_too_many:
            beginning = beginning[: first_too_many.start()]
    if len(beginning) == len(text):
        return text
    return beginning[: beginning.rfind("\n") + 1] or beginning


def _drop_addresses(tokens: Sequence[Token]) -> None:
    """Links beyond the budget lead nowhere: each use of a reference repeats its address."""
    left = MAX_ADDRESSES_LENGTH
    for token in tokens:
        for child in token.children or ():
            left -= sum(len(str(value)) for value in child.attrs.values())
            if left < 0:
                child.attrs = {}


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A table as far as there are cells left: rows are filled up to the width of the first."""
    columns = state.src.count("|", state.bMarks[start], state.eMarks[start]) + 1
    left: int = state.env[_CELLS_LEFT]
    rows = left // columns
    if not rows:
        return False
    line = state.line
    is_table = table(state, start, min(end, start + rows + 1), silent)
    if is_table and not silent:
        state.env[_CELLS_LEFT] = left - columns * (state.line - line)
    return is_table


_ENGINE = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_ENGINE.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
_remembered = Remembered(_made, length_of=len, max_length=MAX_REMEMBERED_LENGTH)
