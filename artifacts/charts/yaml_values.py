"""Read a small YAML document from outside as Helm does: plain values, one reading, no surprises.

No tag makes an object of anything. Scalars become text, true, false or nothing: Helm turns the
numbers of a Chart.yaml into text, and so do we, as Go writes them. A key that stands twice is
refused, and so are documents that aliases make larger than they look.

Source: go.yaml.in/yaml/v2, resolve.go and decode.go; sigs.k8s.io/yaml, ``convertToJSONableObject``.
"""

import math
import re
import struct
from typing import Any, Final

import yaml

from artifacts.charts.archive import ChartUnreadable
from artifacts.text import clean

MAX_VALUES: Final = 20_000
MAX_CHARACTERS: Final = 512 * 1024
MAX_DEPTH: Final = 30

_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WHOLE = (
    (re.compile(r"([-+]?)0[xX]([0-9A-Fa-f]+)"), 16),
    (re.compile(r"([-+]?)0[bB]([01]+)"), 2),
    (re.compile(r"([-+]?)0[oO]?([0-7]+)"), 8),
    (re.compile(r"([-+]?)(0|[1-9][0-9]*)"), 10),
)
_MAX_DIGITS: Final = 64
_EXPONENT_FROM: Final = 6
_MERGE: Final = "tag:yaml.org,2002:merge"
_MIN_WHOLE, _MAX_WHOLE = -(2**63), 2**64 - 1  # of Go's int64 and uint64
_WORDS: Final = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(
        ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True
    ),
    **dict.fromkeys(
        ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False
    ),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), "NaN"),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), "+Inf"),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), "-Inf"),
}


def parse_yaml(text: str) -> Any:
    """The first document in ``text``: mappings, lists, text, booleans and ``None``.

    Raises ``ChartUnreadable``, saying what is wrong.
    """
    try:
        _check_depth(text)
        node = next(iter(yaml.compose_all(text, Loader=yaml.CSafeLoader)), None)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "unreadable"
        raise ChartUnreadable(f"it is not YAML: {problem}{where}") from error
    return _Values().of(node) if node is not None else None


def _check_depth(text: str) -> None:
    """Before anything calls itself for each level."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise ChartUnreadable(f"it is nested deeper than {MAX_DEPTH} levels")


class _Values:
    """Turns nodes into values. What an alias repeats is counted every time."""

    def __init__(self) -> None:
        self._values = 0
        self._characters = 0

    def of(self, node: yaml.Node, depth: int = 0) -> Any:
        self._values += 1
        if self._values > MAX_VALUES or depth > MAX_DEPTH:
            raise ChartUnreadable("its values are too many, aliases counted in full")
        match node:
            case yaml.MappingNode():
                return self._mapping(node, depth)
            case yaml.SequenceNode():
                return [self.of(child, depth + 1) for child in node.value]
        is_plain = isinstance(node, yaml.ScalarNode) and not node.style
        text = self._text(node)
        return _resolved(text) if is_plain else text

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        keys: set[str] = set()
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise ChartUnreadable("one of its keys is not text")
            if key_node.tag == _MERGE:
                values |= self._merged(value_node, depth)
                continue
            key = self._text(key_node)
            if not key_node.style and _WORDS.get(key, key) is None:
                raise ChartUnreadable("one of its keys is null")
            if key in keys:
                raise ChartUnreadable(f"the key {key[:100]!r} stands twice in one mapping")
            keys.add(key)
            values[key] = self.of(value_node, depth + 1)
        return values

    def _merged(self, node: yaml.Node, depth: int) -> dict[str, Any]:
        """What ``<<`` takes over; of several mappings the first says most."""
        found = self.of(node, depth + 1)
        merged: dict[str, Any] = {}
        for values in reversed(found if isinstance(found, list) else [found]):
            if not isinstance(values, dict):
                raise ChartUnreadable("it merges what is no mapping")
            merged |= values
        return merged

    def _text(self, node: yaml.Node) -> str:
        text: str = node.value
        self._characters += len(text)
        if self._characters > MAX_CHARACTERS:
            raise ChartUnreadable("its text is too long, aliases counted in full")
        return clean(text)


def _resolved(text: str) -> str | bool | None:
    """What a plain scalar is to Go: nothing, true or false, or text, numbers in Go's spelling."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _MAX_DIGITS or not text[:1] or text[0] not in "+-.0123456789":
        return text
    plain = text.replace("_", "")
    for pattern, base in _WHOLE:
        if found := pattern.fullmatch(plain):
            whole = int(found[1] + found[2], base)
            if _MIN_WHOLE <= whole <= _MAX_WHOLE:
                return str(whole)
    if not _FLOAT.fullmatch(plain) or math.isinf(value := float(plain)):
        return text
    return _short_float(value)


def _short_float(value: float) -> str:
    """As ``strconv.FormatFloat(value, 'g', -1, 32)``: what tells the nearest float32 apart."""
    try:
        nearest = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return "+Inf" if value > 0 else "-Inf"
    texts = (f"{nearest:.{precision}e}" for precision in range(9))
    shortest = next(
        text for text in texts if struct.pack("<f", float(text)) == struct.pack("<f", nearest)
    )
    mantissa, _, exponent = shortest.partition("e")
    if -4 <= int(exponent) < _EXPONENT_FROM:
        digits = max(0, len(mantissa.partition(".")[2]) - int(exponent))
        return f"{float(shortest):.{digits}f}"
    return shortest
