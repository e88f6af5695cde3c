"""Markdown that people wrote, as HTML that can do no harm.

Raw HTML is shown as text, images are left out (they would tell their host who reads this), and
links lead only to the web, to mail and to other artifacts.
"""

from typing import Any

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

MAX_PROSE_LENGTH = 256 * 1024  # characters; what is longer is cut

_TAGS = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "blockquote", "pre", "code"),
    *("ul", "ol", "li", "strong", "em", "s", "a"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
_SCHEMES = {"http", "https", "mailto", "oci"}
_HEADINGS = 6


def prose(text: str, *, top_heading: int = 1) -> SafeString:
    """``text`` rendered.

    Args:
        top_heading: the level that its first level becomes, where it stands below others.
    """
    engine = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    tokens = engine.parse(text[:MAX_PROSE_LENGTH])
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(_HEADINGS, int(token.tag[1]) + top_heading - 1)}"
    html = engine.renderer.render(tokens, engine.options, {})
    return mark_safe(_cleaned(html))  # noqa: S308 - what is not on the lists above is gone


def _cleaned(html: str, **options: Any) -> str:
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes={"a": {"href", "title"}, "ol": {"start"}, "th": set(), "td": set()},
        url_schemes=_SCHEMES,
        link_rel="nofollow noopener ugc",
        **options,
    )
