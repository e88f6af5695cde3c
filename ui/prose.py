"""Markdown that people wrote, as HTML that can do no harm.

Raw HTML is shown as text, images are left out (they would tell their host who reads this), and
links lead only to the web, to mail and to other artifacts.
"""

from collections.abc import Sequence

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

MAX_PROSE_LENGTH = 256 * 1024  # characters; what is longer is cut

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
_ENGINE = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def prose(text: str, *, top_heading: int = 1) -> SafeString:
    """``text`` rendered.

    Args:
        top_heading: the level that its first level becomes, where it stands below others.
    """
    tokens = parsed(text[:MAX_PROSE_LENGTH])
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(_HEADINGS, int(token.tag[1]) + top_heading - 1)}"
    return rendered(tokens)


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
    return _ENGINE.parse(text)


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
    )
    return mark_safe(html)  # noqa: S308 - what is not on the lists above is gone
