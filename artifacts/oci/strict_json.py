"""JSON as strict as a signed document needs it: one reading, or none.

Two parsers that disagree about a document are a way around every check made
with one of them (CVE-2021-41190): duplicate keys, ``NaN``, bytes that are not
UTF-8 and bottomless nesting are refused rather than interpreted. Escapes of what is no text
are read as Go reads them: see ``artifacts.oci.text``.
"""

import json
import math
from typing import Any, NoReturn

from artifacts.oci.errors import ManifestInvalid
from artifacts.oci.text import clean, cleaned, may_need_cleaning

MAX_DEPTH = 64


def parse_object(body: bytes, *, for_answers: bool = False) -> dict[str, Any]:
    """Read ``body`` as one JSON object. Raises ``ManifestInvalid``, as ``parse_json`` does."""
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
    is_odd = may_need_cleaning(text)
    members = _clean_members if is_odd else _no_duplicates
    try:
        document = json.loads(
            text,
            object_pairs_hook=members,
            parse_float=_finite if for_answers else float,
            parse_constant=_no_constant,
        )
    except json.JSONDecodeError as error:
        raise ManifestInvalid(
            f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from error
    except RecursionError as error:
        raise ManifestInvalid("not readable: nested too deeply") from error
    except ValueError as error:  # an integer of more digits than Python converts
        raise ManifestInvalid("not readable: a number has too many digits") from error
    _check_depth(document)
    return cleaned(document) if is_odd else document


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
