"""Conditions on what a request finds: entity tags, and the headers that name them.

``headers`` are a request's, by their names in lower case. Conditions with dates do not apply:
nothing here has a modification date. Source: RFC 9110, sections 8.8.3 and 13.
"""

import re
from collections.abc import Mapping

from registry.manifests.drafts import Condition

_ENTITY_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_ANYTHING = "*"


def entity_tag(digest: str) -> str:
    return f'"{digest}"'


def content_headers(digest: str) -> dict[str, str]:
    """What goes with stored bytes of any kind: their names, and that no browser is to run them."""
    return {
        "Docker-Content-Digest": digest,
        "ETag": entity_tag(digest),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }


def condition_of(headers: Mapping[str, str]) -> Condition:
    """``If-Match``, which compares strongly, and ``If-None-Match``, which takes weak tags too."""
    return Condition(
        if_match=_tags(headers.get("if-match"), weak=False),
        if_none_match=_tags(headers.get("if-none-match"), weak=True),
    )


def is_held(headers: Mapping[str, str], digest: str) -> bool:
    """Whether a reader has these bytes already, so that 304 is the answer.

    Raises ``PreconditionFailed`` when the reader wants other bytes or none.
    """
    condition = condition_of(headers)
    condition.check_match(digest)
    return condition.excludes(digest)


def wants_range(headers: Mapping[str, str], digest: str) -> bool:
    """Whether ``Range`` counts: ``If-Range`` asks for the whole when the bytes have changed."""
    if_range = headers.get("if-range")
    return "range" in headers and (if_range is None or if_range == entity_tag(digest))


def _tags(header: str | None, *, weak: bool) -> frozenset[str] | None:
    if header is None:
        return None
    if header.strip(" \t") == _ANYTHING:
        return frozenset({_ANYTHING})
    tags = {match[2] for match in _ENTITY_TAG.finditer(header) if weak or not match[1]}
    return frozenset(tags - {_ANYTHING})  # a tag of that name is not the asterisk
