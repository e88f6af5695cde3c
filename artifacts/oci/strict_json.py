"""JSON as strict as a signed document needs it: one reading, or none.

Two parsers that disagree about a document are a way around every check made
with one of them (CVE-2021-41190): duplicate keys, ``NaN``, bytes that are not
UTF-8 and bottomless nesting are refused rather than interpreted.
"""

import json
from typing import Any, NoReturn

from artifacts.oci.errors import ManifestInvalid

MAX_DEPTH = 64


def parse_object(body: bytes) -> dict[str, Any]:
    """Read ``body`` as one JSON object.

    Raises:
        ManifestInvalid: with one sentence saying what is wrong and where.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ManifestInvalid(f"not UTF-8: bad byte at position {error.start}") from error
    try:
        document = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ManifestInvalid(
            f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from error
    except RecursionError as error:
        raise ManifestInvalid("not readable: nested too deeply") from error
    except ValueError as error:  # an integer of more digits than Python converts
        raise ManifestInvalid(f"not readable: {error}") from error
    if not isinstance(document, dict):
        raise ManifestInvalid("a manifest must be a JSON object")
    _check_depth(document)
    return document


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise ManifestInvalid(f"the key {name[:100]!r} appears twice in one object")
        members[name] = value
    return members


def _no_constant(name: str) -> NoReturn:
    raise ManifestInvalid(f"not JSON: {name} is not a JSON value")


def _check_depth(document: dict[str, Any]) -> None:
    level: list[Any] = [document]
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
