"""Read a small YAML document from outside as Helm does: plain values, one reading, no surprises.

No tag makes an object of anything. Numbers stay numbers until somebody asks for their text: Helm
turns those of a Chart.yaml into text, and so do we, as Go writes them. Of a key that stands twice
the last counts; documents that aliases make larger than they look are refused.

Source: go.yaml.in/yaml/v2, resolve.go and decode.go; sigs.k8s.io/yaml, ``convertToJSONableObject``.
"""

import base64
import binascii
import math
import re
import struct
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import yaml

from artifacts.charts.archive import ChartUnreadable, NotLookedAt
from artifacts.text import clean, decoded

MAX_VALUES: Final = 20_000
MAX_CHARACTERS: Final = 512 * 1024
MAX_DEPTH: Final = 30

Scalar = str | int | float | bool | None

_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_FRACTION = re.compile(r"\.[0-9](?:_?[0-9])*(?:[eE][-+]?[0-9](?:_?[0-9])*)?")
_WHOLE = (
    (re.compile(r"([-+]?)0[xX]([0-9A-Fa-f]+)"), 16),
    (re.compile(r"([-+]?)0[bB]([01]+)"), 2),
    (re.compile(r"([-+]?)0[oO]?([0-7]+)"), 8),
    (re.compile(r"([-+]?)(0|[1-9][0-9]*)"), 10),
)
_MAX_DIGITS: Final = 64
_EXPONENT_FROM: Final = 6
_VERSION: Final = (1, 1)  # the only one that Helm's reader takes
_SLASH_ESCAPED = re.compile(r"(?<!\\)(?:\\\\)*\\/")  # of YAML 1.2
_TAGS: Final = "tag:yaml.org,2002:"
_MERGE: Final = f"{_TAGS}merge"
_BINARY: Final = f"{_TAGS}binary"
_FLOAT_TAG: Final = f"{_TAGS}float"
_TIMESTAMP: Final = f"{_TAGS}timestamp"
_DATE = re.compile(r"[0-9]{4}-(?:0?[1-9]|1[0-2])-(?:[0-2]?[0-9]|3[01])(?:[Tt ]+[0-9]+:.*)?")
_OF_TAG: Final[dict[str, tuple[type, ...]]] = {
    f"{_TAGS}bool": (bool,),
    f"{_TAGS}int": (int,),
    f"{_TAGS}null": (type(None),),
    _FLOAT_TAG: (float, int),
}
_MIN_INT, _MAX_INT, _MAX_UINT = -(2**63), 2**63 - 1, 2**64 - 1  # of Go's int64 and uint64
_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(
        ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True
    ),
    **dict.fromkeys(
        ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False
    ),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}


def parse_yaml(text: str) -> Any:
    """The first document in ``text``: mappings, lists, text, numbers, booleans and ``None``.

    Raises ``ChartUnreadable``, saying what is wrong, and ``NotLookedAt`` for what is too large.
    """
    try:
        document = _Reader(text).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "unreadable"
        raise ChartUnreadable(f"it is not YAML: {problem}{where}") from error
    _check_keys(document)
    return document


def _check_keys(value: Any) -> None:
    """At the end: what stands under a key that comes again is gone, and so are its faults."""
    if isinstance(value, dict):
        if None in value:
            raise ChartUnreadable("one of its keys is null, or a number past all others")
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            _check_keys(item)


def as_text(value: str | float | bool) -> str:
    """As Go writes it where text is asked for."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
    return "NaN" if math.isnan(value) else _short_float(value)


class _Anchored(NamedTuple):
    value: Any
    values: int
    characters: int


class _Reader:
    """Makes values of events, in one go. What an alias repeats is counted every time."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.CBaseLoader)
        self._anchored: dict[str, _Anchored] = {}
        self._values = 0
        self._characters = 0

    def document(self) -> Any:
        for event in self._events:
            match event:
                case yaml.StreamEndEvent():
                    return None
                case yaml.DocumentStartEvent(version=version):
                    if version not in (None, _VERSION):
                        raise ChartUnreadable("it is written in another YAML than 1.1")
                    value = self._value(next(self._events), 0)
                    next(self._events)  # complains where the document does not end here
                    return value
        return None

    def _value(self, event: Any, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise NotLookedAt(f"it is nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        before = self._values, self._characters
        self._anchored.pop(event.anchor, None)  # nothing can hold itself
        self._count(1, 0)
        value: Any
        match event:
            case yaml.MappingStartEvent():
                value = self._mapping(depth)
            case yaml.SequenceStartEvent():
                value = [self._value(one, depth + 1) for one in self._until(yaml.SequenceEndEvent)]
            case _:
                value = self._scalar(event)
        if event.anchor is not None:
            values, characters = self._values - before[0], self._characters - before[1]
            self._anchored[event.anchor] = _Anchored(value, values, characters)
        return value

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        while not isinstance(event := next(self._events), end):
            yield event

    def _count(self, values: int, characters: int) -> None:
        self._values += values
        self._characters += characters
        if self._values > MAX_VALUES:
            raise NotLookedAt("its values are too many, aliases counted in full")
        if self._characters > MAX_CHARACTERS:
            raise NotLookedAt("its text is too long, aliases counted in full")

    def _alias(self, event: Any) -> Any:
        if (anchor := self._anchored.get(event.anchor)) is None:
            raise ChartUnreadable(f"it is not YAML: nothing is called {event.anchor[:100]!r}")
        self._count(anchor.values, anchor.characters)
        return anchor.value

    def _mapping(self, depth: int) -> dict[str | None, Any]:
        values: dict[str | None, Any] = {}
        for event in self._until(yaml.MappingEndEvent):
            if _is_merge(event):
                values |= _merged(self._value(next(self._events), depth + 1))
                continue
            key = self._value(event, depth + 1)
            if isinstance(key, dict | list):
                raise ChartUnreadable("one of its keys is not text")
            values[_name(key)] = self._value(next(self._events), depth + 1)
        return values

    def _scalar(self, event: Any) -> Scalar:
        text: str = event.value
        self._count(0, len(text))
        if event.style == '"' and _SLASH_ESCAPED.search(
            self._text, event.start_mark.index, event.end_mark.index
        ):
            raise ChartUnreadable("it is not YAML: a text escapes a slash")
        is_quoted = event.tag is None and not event.implicit[0]
        value = text if is_quoted else _tagged(text, event.tag or "")
        return clean(value) if isinstance(value, str) else value


def _is_merge(event: yaml.Event) -> bool:
    return (
        isinstance(event, yaml.ScalarEvent)
        and event.value == "<<"
        and (event.tag == _MERGE or (event.tag is None and event.implicit[0]))
    )


def _merged(source: Any) -> dict[str | None, Any]:
    """What ``<<`` takes over; of several mappings the first says most."""
    merged: dict[str | None, Any] = {}
    for values in reversed(source if isinstance(source, list) else [source]):
        if not isinstance(values, dict):
            raise ChartUnreadable("it merges what is no mapping")
        merged |= values
    return merged


def _name(key: Scalar) -> str | None:
    """Of a key; numbers that are none are spelled as in YAML here. ``None`` for what is no name."""
    if key is None or (isinstance(key, int) and key > _MAX_INT):
        return None
    if isinstance(key, float) and not math.isfinite(key):
        return {math.inf: ".inf", -math.inf: "-.inf"}.get(key, ".nan")
    return as_text(key)


def _tagged(text: str, tag: str) -> Scalar:
    """What a scalar is that has a tag, or is plain and has none."""
    if tag == _BINARY:
        return _from_base64(text)
    if tag == _TIMESTAMP and not _DATE.fullmatch(text):
        raise ChartUnreadable(f"{text[:100]!r} is no timestamp")
    if not tag:
        return _resolved(text)
    if tag not in _OF_TAG:
        return text
    value = _resolved(text)
    is_long = tag == _FLOAT_TAG and isinstance(value, int) and value > _MAX_INT
    if is_long or not isinstance(value, _OF_TAG[tag]):
        raise ChartUnreadable(f"{text[:100]!r} is no {tag.removeprefix(_TAGS)}")
    return value


def _from_base64(text: str) -> str:
    try:
        return decoded(base64.b64decode(re.sub(r"[\r\n]", "", text), validate=True))
    except (binascii.Error, ValueError) as error:
        raise ChartUnreadable(f"{text[:100]!r} is not base64") from error


def _resolved(text: str) -> Scalar:
    """What a plain scalar is to Go: nothing, true or false, a number, or text."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _MAX_DIGITS or text[0] not in "+-.0123456789":
        return text
    if text[0] == ".":
        return float(text) if _FRACTION.fullmatch(text) and float(text) < math.inf else text
    plain = text.replace("_", "")
    for pattern, base in _WHOLE:
        if match := pattern.fullmatch(plain):
            whole = int(match[1] + match[2], base)
            if _MIN_INT <= whole <= _MAX_UINT:
                return whole
    if not _FLOAT.fullmatch(plain) or math.isinf(value := float(plain)):
        return text
    return value


def _short_float(value: float) -> str:
    """As ``strconv.FormatFloat(value, 'g', -1, 32)``: what tells the nearest float32 apart."""
    nearest = _float32(value)
    if math.isinf(nearest):
        return "+Inf" if value > 0 else "-Inf"
    texts = (f"{nearest:.{precision}e}" for precision in range(9))
    shortest = next(text for text in texts if _float32(float(text)) == nearest)
    mantissa, _, exponent = shortest.partition("e")
    if -4 <= int(exponent) < _EXPONENT_FROM:
        digits = max(0, len(mantissa.partition(".")[2]) - int(exponent))
        return f"{float(shortest):.{digits}f}"
    return shortest


def _float32(value: float) -> float:
    """The nearest number that four bytes hold, or an infinite one beyond the last of them."""
    try:
        number: float = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return number
