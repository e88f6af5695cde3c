"""Parts of a blob, as the ``Range`` header asks for them (RFC 9110, section 14)."""

import re
from dataclasses import dataclass
from http import HTTPStatus

from artifacts.oci.errors import Unsupported

MAX_RANGES = 16

_SPEC = re.compile(
    r"(?P<first>[0-9]{1,40})-(?P<last>[0-9]{0,40})|-(?P<suffix>[0-9]{1,40})", re.ASCII
)


class RangeNotSatisfiable(Unsupported):
    """No byte asked for exists (RFC 9110, 15.5.17)."""

    status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE

    def __init__(self, size: int) -> None:
        super().__init__(f"the blob has {size} bytes, and none of those asked for", size=size)
        self.size = size

    def headers(self) -> dict[str, str]:
        return {"Content-Range": f"bytes */{self.size}"}


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes ``[start, end)`` of something."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start

    def content_range(self, size: int) -> str:
        return f"bytes {self.start}-{self.end - 1}/{size}"


def parse_range(header: str, size: int) -> list[Part]:
    """The satisfiable parts that ``header`` asks for, in its order.

    Returns:
        An empty list when the header is to be ignored, and the whole sent: it is
        malformed, speaks of another unit, or asks for too many parts.

    Raises:
        RangeNotSatisfiable: every part lies beyond the end, or ends before it starts.
    """
    unit, equals, specs = header.partition("=")
    # Optional white space is blanks and tabs (RFC 9110, 5.6.3); str.strip takes more for it.
    texts = [text for part in specs.split(",") if (text := part.strip(" \t"))]
    if unit.strip(" \t").lower() != "bytes" or not equals or not 0 < len(texts) <= MAX_RANGES:
        return []
    matches = [_SPEC.fullmatch(text) for text in texts]
    parts = []
    for match in matches:
        if match is None:
            return []
        if part := _part(match, size):
            parts.append(part)
    if not parts:
        raise RangeNotSatisfiable(size)
    # More than the whole is a way to make a server work, not a way to read (RFC 9110, 17.15).
    return parts if sum(part.length for part in parts) <= size or len(parts) == 1 else []


def _part(match: re.Match[str], size: int) -> Part | None:
    if match["suffix"] is not None:
        part = Part(max(size - int(match["suffix"]), 0), size)
    else:
        end = int(match["last"]) + 1 if match["last"] else size
        part = Part(int(match["first"]), min(end, size))
    return part if part.length > 0 else None
