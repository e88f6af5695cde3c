"""Reads ``config.yaml`` and remembers on which line each value stands."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

# Keys and list positions from the top, such as ("ALLOWED_HOSTS", 0).
Location = tuple[str | int, ...]


class YamlProblem(Exception):
    """The file cannot be read as a mapping. The message says why, without the file's name."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class YamlFile:
    """The values of a file and the line each of them stands on, counted from 1."""

    path: Path | None = None
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[Location, int] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "YamlFile":
        try:
            text = path.read_text(encoding="utf-8")
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            raise YamlProblem(_syntax(error), _line(error.problem_mark)) from error
        except yaml.YAMLError as error:
            raise YamlProblem(f"is not YAML: {error}") from error
        except UnicodeDecodeError as error:
            raise YamlProblem("is not text in UTF-8") from error
        except OSError as error:
            raise YamlProblem(f"cannot be read: {error.strerror}") from error
        if node is None:
            return cls(path)
        if not isinstance(node, yaml.MappingNode):
            raise YamlProblem("expected lines of the form KEY: value", _line(node.start_mark))
        lines = dict(_locations(node, ()))
        return cls(path, yaml.safe_load(text), lines)

    def line(self, location: Location) -> int | None:
        """The line of a value, or of the nearest thing around it."""
        while location:
            if location in self.lines:
                return self.lines[location]
            location = location[:-1]
        return None


def _locations(node: yaml.Node, prefix: Location) -> Iterator[tuple[Location, int]]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise YamlProblem("expected a word as key", _line(key.start_mark))
            if key.value in seen:
                raise YamlProblem(f"the key {key.value} is given twice", _line(key.start_mark))
            seen.add(key.value)
            yield (*prefix, key.value), key.start_mark.line + 1
            yield from _locations(value, (*prefix, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            yield (*prefix, position), item.start_mark.line + 1
            yield from _locations(item, (*prefix, position))


def _syntax(error: yaml.MarkedYAMLError) -> str:
    return "is not YAML: " + ", ".join(part for part in (error.context, error.problem) if part)


def _line(mark: Any) -> int | None:
    return None if mark is None else mark.line + 1
