"""Pages of lists. What a page ends with leads to the next one, in a form that nobody need read.

Quay lists most things whole. Here no list is longer than a page; where there is more, the answer
has ``next_page`` beside it, as those lists of Quay have that come in pages.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.request import Request

from registry.api.http.failures import RequestInvalid

MOST = 500  # rows of a list
_MAX_TOKEN = 2048

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    rows: Sequence[Row]
    next: str = ""

    @property
    def more(self) -> dict[str, str]:
        """What stands beside the list; nothing on its last page."""
        return {"next_page": self.next} if self.next else {}


def page_of(request: Request, rows: QuerySet[Row], *, order: str, size: int = MOST) -> Page[Row]:
    """The page that the request asks for, in the order of a column without equals.

    Raises ``RequestInvalid`` for a ``next_page`` that is none of ours, or of another list.
    """
    kind = str if rows.model._meta.get_field(order).get_internal_type() not in _NUMBERS else int
    last = cursor_of(request, order, kind)
    if last is not None:
        rows = rows.filter(**{f"{order}__gt": last})
    batch = list(rows.order_by(order)[: size + 1])
    if len(batch) <= size:
        return Page(batch)
    return Page(batch[:size], _written(order, getattr(batch[size - 1], order)))


def cursor_of(request: Request, order: str, kind: type) -> Any:
    """What the page before ended with; ``None`` on the first. Raises ``RequestInvalid``."""
    text = request.query_params.get("next_page")
    return _read(text, order, kind) if text else None


def next_page(order: str, value: Any) -> dict[str, str]:
    """What stands beside a list whose page ends with ``value``."""
    return Page((), _written(order, value)).more


_NUMBERS = frozenset({"AutoField", "BigAutoField", "IntegerField"})


def number(request: Request, name: str, default: int, most: int) -> int:
    """A parameter that is a whole number from 1; more than ``most`` is ``most``."""
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and int(text[:19]) >= 1):
        raise RequestInvalid(f"{name} must be a whole number from 1, not {text[:50]!r}")
    return min(int(text[:19]), most)


def _written(order: str, value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps([order, value]).encode()).decode().rstrip("=")


def _read(text: str, order: str, kind: type) -> Any:
    try:
        padded = text[:_MAX_TOKEN] + "=" * (-len(text[:_MAX_TOKEN]) % 4)
        pair = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        pair = None
    match pair:
        case [str(name), str() | int() as value] if (
            name == order and type(value) is kind and _is_plain(value)
        ):
            return value if kind is str else min(int(value), 2**62)
    raise RequestInvalid("next_page is not one that this list has given")


def _is_plain(value: Any) -> bool:
    text = str(value)
    return text.isascii() and text.isprintable()
