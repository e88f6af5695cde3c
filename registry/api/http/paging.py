"""``?n=&last=`` and the ``Link`` to the next page (RFC 8288)."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from django.conf import settings

from artifacts.oci.errors import QueryInvalid


def page_size(query: Mapping[str, str]) -> int:
    """``n``, at most ``V2_PAGINATION_SIZE``; that many when the client does not say."""
    text = query.get("n")
    if text is None:
        return settings.BERTH.V2_PAGINATION_SIZE
    if not (text.isascii() and text.isdecimal()):
        raise QueryInvalid(f"n must be a whole number, not {text[:50]!r}")
    return min(int(text[:19]), settings.BERTH.V2_PAGINATION_SIZE)


def page_start(query: Mapping[str, str]) -> str:
    """``last``: the page begins behind it. No name holds a NUL, and no database takes one."""
    return query.get("last", "").partition("\x00")[0][:1024]


def next_link(path: str, **query: str | int) -> dict[str, str]:
    return {"Link": f'<{path}?{urlencode(query)}>; rel="next"'}


def next_page(path: str, names: Sequence[str], size: int) -> dict[str, str]:
    """``names`` has one more than the page where there is another."""
    return next_link(path, n=size, last=names[size - 1]) if len(names) > size > 0 else {}
