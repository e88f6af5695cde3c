"""JSON as strict as a signed document needs it: one reading, or none.

Two parsers that disagree about a document are a way around every check made
with one of them (CVE-2021-41190): duplicate keys, ``NaN``, bytes that are not
UTF-8 and bottomless nesting are refused rather than interpreted. Escapes of what is no text
are read as Go reads them: see ``artifacts.text``.
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from artifacts.oci.errors import ManifestInvalid
from artifacts.text import clean, cleaned, may_need_cleaning

MAX_DEPTH = 64
_BLANKS = re.compile(r"[ \t\r\n\x1e]*")  # RFC 7464 begins each value with a record separator
MAX_SHOWN_VALUES = 150_000  # of a document that is read to be shown: 15 MiB of memory


def parse_object(
    body: bytes, *, for_answers: bool = False, max_values: int | None = None
) -> dict[str, Any]:
    """Read ``body`` as one JSON object, of at most ``max_values`` as ``values_in`` counts them.

    Raises ``ManifestInvalid``, as ``parse_json`` does.
    """
    if max_values is not None and values_in(body) > max_values:
        raise ManifestInvalid("made of too many parts")
    document = parse_json(body, for_answers=for_answers)
    if not isinstance(document, dict):
        raise ManifestInvalid("a manifest must be a JSON object")
    return document


def parse_json(body: bytes, *, for_answers: bool = False) -> Any:
    """Read ``body`` as one JSON value, its text clean.

    Args:
        for_answers: it will be written as JSON again, so no number may be larger than JSON of
            ours can say. ``1e400`` is one.

    Raises:
        ManifestInvalid: with one sentence saying what is wrong and where.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ManifestInvalid(f"not UTF-8: bad byte at position {error.start}") from error
    with _errors_as_invalid():
        document = json.loads(
            text,
            object_pairs_hook=_members_of(text),
            parse_float=_finite if for_answers else float,
            parse_constant=_no_constant,
        )
    _check_depth(document)
    return cleaned(document) if may_need_cleaning(text) else document


def parse_objects(text: str, *, at_most: int) -> list[dict[str, Any]]:
    """The first JSON objects of a text that holds several: one after the other, or as one list.

    Raises ``ManifestInvalid``, as ``parse_json`` does.
    """
    decoder = json.JSONDecoder(object_pairs_hook=_members_of(text), parse_constant=_no_constant)
    values: list[Any] = []
    with _errors_as_invalid():
        position = _past_blanks(text, 0)
        while position < len(text) and len(values) < at_most:
            value, position = decoder.raw_decode(text, position)
            values += value if isinstance(value, list) else [value]
            position = _past_blanks(text, position)
    _check_depth(values)
    objects = [value for value in values if isinstance(value, dict)][:at_most]
    return [cleaned(one) for one in objects] if may_need_cleaning(text) else objects


@contextmanager
def _errors_as_invalid() -> Iterator[None]:
    """What Python's reader raises, said of a document."""
    try:
        yield
    except json.JSONDecodeError as error:
        raise ManifestInvalid(
            f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from error
    except RecursionError as error:
        raise ManifestInvalid("not readable: nested too deeply") from error
    except ValueError as error:  # an integer of more digits than Python converts
        raise ManifestInvalid("not readable: a number has too many digits") from error


def _past_blanks(text: str, position: int) -> int:
    blanks = _BLANKS.match(text, position)
    return blanks.end() if blanks else position


def _members_of(text: str) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    return _clean_members if may_need_cleaning(text) else _no_duplicates


def values_in(body: bytes) -> int:
    """How many values ``body`` holds at most, told without reading it: they cost, not bytes."""
    return body.count(b"{") + body.count(b"[") + body.count(b",")


def _clean_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Keys that differ only in what is no text are one key to most readers."""
    return _no_duplicates([(clean(name), value) for name, value in pairs])


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise ManifestInvalid(f"the key {name[:100]!r} appears twice in one object")
        members[name] = value
    return members


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ManifestInvalid(f"not readable: the number {text[:40]} is too large")
    return number


def _no_constant(name: str) -> NoReturn:
    raise ManifestInvalid(f"not JSON: {name} is not a JSON value")


def _check_depth(document: Any) -> None:
    level: list[Any] = [document] if isinstance(document, dict | list) else []
    for _ in range(MAX_DEPTH):
        level = [
            child
            for value in level
            for child in (value.values() if isinstance(value, dict) else value)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise ManifestInvalid(f"nested deeper than {MAX_DEPTH} levels")
