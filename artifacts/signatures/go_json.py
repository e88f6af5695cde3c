"""JSON as the programs read it that make and check these signatures, which are written in Go.

They take a name in any case, ``null`` for nothing, and any bytes inside of a text. A name that
stands twice has two readings; it is left to nobody here to choose one. Names that only differ in
case are two in what a signer may say at will, and one where a name is asked for.

Source: Go's package encoding/json, "Unmarshal".
"""

import json
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar, cast

from artifacts.text import clean, cleaned, folded


class NotJson(ValueError):
    """Such a program would refuse it. One sentence for a person."""


class Ambiguous(ValueError):
    """Programs read it in different ways."""


T = TypeVar("T", str, dict[str, Any], list[Any])


def read_object(content: bytes) -> dict[str, Any]:
    """The one object that ``content`` holds. Raises ``NotJson`` or ``Ambiguous``."""
    try:
        value = json.loads(
            content.decode("utf-8", "replace"),
            object_pairs_hook=_members,
            parse_constant=_no_constant,
            parse_int=_number,
            parse_float=_number,
        )
    except json.JSONDecodeError as error:
        raise NotJson(
            f"it is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from error
    except RecursionError as error:
        raise Ambiguous("nested too deeply to be read here") from error
    if not isinstance(value, dict):
        raise NotJson("it is no JSON object")
    return cast("dict[str, Any]", cleaned(value))


def spellings(value: Mapping[str, Any], name: str) -> list[str]:
    """What such a program takes for ``name`` in an object: the name in any case."""
    folded_name = folded(name)
    return [one for one in value if len(one) == len(name) and folded(one) == folded_name]


def member(value: Mapping[str, Any], name: str, kind: type[T]) -> T:
    """What ``name`` stands for; an empty one of its kind where it is missing or ``null``.

    Raises ``NotJson`` or ``Ambiguous``.
    """
    present = spellings(value, name)
    if len(present) > 1:
        raise Ambiguous(f"{name} stands twice in one object")
    field = value[present[0]] if present else None
    if field is None:
        return kind()
    if not isinstance(field, kind):
        raise NotJson(f"{name} is {repr(field)[:100]}, of another kind than it should be")
    return field


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """What nobody asks for may have names that differ in case alone: predicates are of any form."""
    members: dict[str, Any] = {}
    for name, value in pairs:
        cleaned_name = clean(name)
        if cleaned_name in members:
            raise Ambiguous(f"{cleaned_name[:100]!r} stands twice in one object")
        members[cleaned_name] = value
    return members


def _number(text: str) -> int:
    """No number matters here, and some have more digits than Python takes."""
    return len(text)


def _no_constant(name: str) -> NoReturn:
    raise NotJson(f"it is not JSON: {name} is no value of it")
