"""Read a small YAML document from outside: plain values, one reading, no surprises.

No tag makes an object of anything. Scalars become text, true, false or nothing: Helm turns the
numbers of a Chart.yaml into text, and so do we. A key that stands twice is refused, as two readers
would see two charts; so are documents that aliases make larger than they look.
"""

import re
from typing import Any, Final

import yaml

from artifacts.charts.errors import ChartUnreadable
from artifacts.oci.text import clean

MAX_VALUES: Final = 20_000
MAX_CHARACTERS: Final = 512 * 1024
MAX_DEPTH: Final = 30

_DECIMAL = re.compile(r"[-+]?[0-9]+\.[0-9]*")
_TRUE = frozenset({"y", "yes", "true", "on"})


def parse_yaml(text: str) -> Any:
    """The one document in ``text``: mappings, lists, text, booleans and ``None``.

    Raises ``ChartUnreadable``, saying what is wrong.
    """
    try:
        _check_depth(text)
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
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
        return _typed(node.tag, self._text(node))

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise ChartUnreadable("one of its keys is not text")
            key = self._text(key_node)
            if key in values:
                raise ChartUnreadable(f"the key {key[:100]!r} stands twice in one mapping")
            values[key] = self.of(value_node, depth + 1)
        return values

    def _text(self, node: yaml.Node) -> str:
        text: str = node.value
        self._characters += len(text)
        if self._characters > MAX_CHARACTERS:
            raise ChartUnreadable("its text is too long, aliases counted in full")
        return clean(text)


def _typed(tag: str, text: str) -> str | bool | None:
    match tag.rpartition(":")[2]:
        case "null":
            return None
        case "bool":
            return text.lower() in _TRUE
        case "float":
            return text.rstrip("0").rstrip(".") if _DECIMAL.fullmatch(text) else text
    return text
