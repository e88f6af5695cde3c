"""Patterns that choose tags: shell patterns and regular expressions.

Regular expressions are RE2's: no pattern takes longer than the tag is long, so that
people may be trusted with writing them.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import re2

MAX_PATTERN_LENGTH = 256
_MAX_MEMORY_BYTES = 1 << 20
_GLOB_PART = re.compile(r"\*+|\?|\[!?[^\[\]]+\]|.", re.DOTALL)


class PatternInvalid(ValueError):
    """Says in one sentence what is wrong with a pattern."""


class Syntax(StrEnum):
    GLOB = "glob"
    REGEX = "regex"


SYNTAXES: Final = (
    (Syntax.GLOB.value, "shell pattern for the whole tag, such as v*"),
    (Syntax.REGEX.value, "regular expression found in the tag, such as ^v[0-9]"),
)


@dataclass(frozen=True, slots=True)
class TagPattern:
    """A shell pattern covers the whole tag. A regular expression is found anywhere in it,
    unless ``^`` and ``$`` hold it; capital letters count in both.

    Raises ``PatternInvalid``.
    """

    text: str
    syntax: Syntax = Syntax.GLOB
    _compiled: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 < len(self.text) <= MAX_PATTERN_LENGTH:
            raise PatternInvalid(f"a pattern has from 1 to {MAX_PATTERN_LENGTH} characters")
        if not self.text.isascii():
            raise PatternInvalid(f"{self.text!a} has characters that no tag can have")
        expression = _translated(self.text) if self.syntax is Syntax.GLOB else self.text
        object.__setattr__(self, "_compiled", _compile(expression, self.text))

    def matches(self, tag: str) -> bool:
        return self._compiled.search(tag) is not None


def _translated(glob: str) -> str:
    """The regular expression of a shell pattern: ``*``, ``?``, ``[abc]``, ``[!abc]``."""
    parts = []
    for part in _GLOB_PART.findall(glob):
        if part[0] == "*":
            parts.append(".*")
        elif part == "?":
            parts.append(".")
        elif len(part) > 1:
            parts.append("[^" + part[2:] if part[1] == "!" else part)
        else:
            parts.append(re.escape(part))
    return f"^(?s:{''.join(parts)})$"


def _compile(expression: str, text: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY_BYTES
    try:
        return re2.compile(expression, options)
    except re2.error as error:
        reason = error.args[0]
        message = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise PatternInvalid(f"{text!a} is no pattern that can be used: {message}") from error
