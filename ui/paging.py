"""Pages of long lists, each found by the last row of the one before: the hundredth is as fast as
the first."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.db.models import DateTimeField, F, IntegerField, Model, Q, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from django.http import HttpRequest

from artifacts.oci.errors import ManifestInvalid
from artifacts.oci.strict_json import parse_json

PAGE_SIZE = 50
MAX_CURSOR_LENGTH = 2048
_MAX_INTEGER = 2**63 - 1  # and one more still fits a column

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class KeysetPage(Generic[Row]):
    """One page of rows, and the addresses of its neighbours; empty where there is none."""

    rows: Sequence[Row]
    next_url: str
    first_url: str


def page_of(
    request: HttpRequest,
    rows: QuerySet[Row],
    *,
    order: Sequence[str],
    size: int | None = None,
    key: Callable[[Row], Sequence[Any]] | None = None,
) -> KeysetPage[Row]:
    """The page of ``rows`` that the request's ``after`` asks for.

    Args:
        rows: not ordered yet.
        order: columns, each with ``-`` when it falls; the last must be unique.
        key: the values of those columns in a row; by default its attributes of these names.
    """
    size = size or PAGE_SIZE
    names = [column.lstrip("-") for column in order]
    values = key or (lambda row: [getattr(row, name) for name in names])
    after = _place(rows.model, names, read_cursor(request.GET.get("after", ""), len(order)))
    beyond = _beyond(order, after) if after is not None else Q()
    page_rows = list(rows.filter(beyond).order_by(*order)[: size + 1])
    has_more = len(page_rows) > size
    page_rows = page_rows[:size]
    cursor = write_cursor(values(page_rows[-1])) if has_more else ""
    return KeysetPage(
        rows=page_rows,
        next_url=query_url(request, after=cursor) if has_more else "",
        first_url=query_url(request) if after is not None else "",
    )


def _place(
    model: type[Model], names: Sequence[str], cursor: Sequence[Any] | None
) -> Sequence[Any] | None:
    """A cursor as the columns hold it; ``None`` where they cannot, which shows the first page."""
    if cursor is None:
        return None
    try:
        return [
            _column_value(model, name, value) for name, value in zip(names, cursor, strict=True)
        ]
    except (TypeError, ValueError):  # a cursor that we did not write
        return None


def _column_value(model: type[Model], name: str, value: Any) -> Any:
    """Raises ``TypeError`` or ``ValueError`` for what the column ``name`` does not hold."""
    column = model._meta.pk if name == "pk" else model._meta.get_field(name)
    match getattr(column, "target_field", column):
        case DateTimeField():
            return read_moment(value)
        case IntegerField():
            is_held = isinstance(value, int) and not isinstance(value, bool)
        case _:
            is_held = isinstance(value, str)
    if not is_held:
        raise TypeError(name)
    return value


def read_moment(text: str) -> datetime:
    """A moment of a cursor. Raises ``ValueError``, also where UTC has no such date."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment needs its zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("no such date in UTC") from error


def _beyond(order: Sequence[str], after: Sequence[Any]) -> Q:
    """Rows that come after: equal in the first columns, and further in the next.

    Said twice, because databases find a place in an index by its first column alone, or, where
    all columns rise or all fall, by a comparison of rows.
    """
    falls = {column.startswith("-") for column in order}
    first = order[0].lstrip("-")
    bound = Q(**{f"{first}__{'lte' if order[0].startswith('-') else 'gte'}": after[0]})
    if len(falls) == 1:
        comparison = TupleLessThan if falls.pop() else TupleGreaterThan
        columns = Tuple(*(F(column.lstrip("-")) for column in order))
        return bound & Q(comparison(columns, tuple(after)))
    beyond, equal = Q(), Q()
    for column, value in zip(order, after, strict=True):
        name = column.lstrip("-")
        side = "lt" if column.startswith("-") else "gt"
        beyond |= equal & Q(**{f"{name}__{side}": value})
        equal &= Q(**{name: value})
    return bound & beyond


def write_cursor(values: Sequence[Any]) -> str:
    text = json.dumps([value if isinstance(value, int) else str(value) for value in values])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str, length: int) -> list[Any] | None:
    """What ``write_cursor`` wrote; ``None`` for anything else, which shows the first page."""
    if not cursor or len(cursor) > MAX_CURSOR_LENGTH:
        return None
    try:
        values = parse_json(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ManifestInvalid, binascii.Error, ValueError):
        return None
    is_ours = (
        isinstance(values, list)
        and len(values) == length
        and all(_is_plain(value) for value in values)
    )
    return values if is_ours else None


def _is_plain(value: Any) -> bool:
    if isinstance(value, int):
        return abs(value) < _MAX_INTEGER
    return isinstance(value, str)


def query_url(request: HttpRequest, **changed: str) -> str:
    query = {key: value for key, value in request.GET.items() if key != "after"} | changed
    return f"?{urlencode(query)}"
