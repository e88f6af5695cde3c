"""What refers to a manifest, drawn on the server: each node is a link."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ui.contents.referrers import Referrer
from ui.display.amounts import short_digest

MAX_NODES = 60
_WIDTH, _HEIGHT = 220, 48
_STEP_X, _STEP_Y = 280, 60
_MARGIN = 8
_MAX_TEXT = 28
_WORDS = {"valid": "verified", "invalid": "invalid", "unverifiable": "unverifiable"}


@dataclass(frozen=True, slots=True)
class Node:
    title: str
    detail: str
    label: str  # the whole, for who cannot see it
    url: str
    style: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Graph:
    nodes: Sequence[Node]
    edges: Sequence[str]  # each the path of a curve
    width: int
    height: int
    left_out: int
    node_width: int = _WIDTH
    node_height: int = _HEIGHT


def graph_of(
    name: str,
    digest: str,
    referrers: Sequence[Referrer],
    beyond: Mapping[str, Sequence[Referrer]],
    *,
    subject: tuple[str, str] | None = None,
) -> Graph:
    """The manifest, what it is attached to, what is attached to it, and what to that."""
    canvas = _Canvas()
    left = 1 if subject else 0
    row = 0
    ends: list[tuple[int, int]] = []
    for one in referrers:
        inner = beyond.get(one.manifest.digest, ())
        if canvas.count + 1 + len(inner) > MAX_NODES - 1 - left:
            continue
        top = row
        for other in inner:
            canvas.referrer(other, left + 2, row)
            row += 1
        row = max(row, top + 1)
        middle = (top + row - 1) / 2
        end = canvas.referrer(one, left + 1, middle)
        canvas.join(end, [canvas.at(left + 2, top + i) for i in range(len(inner))])
        ends.append(end)
    centre = max(0, (row - 1) / 2)
    here = canvas.node(
        name, short_digest(digest), f"{name}, this manifest", "", "here", left, centre
    )
    canvas.join(here, ends)
    if subject:
        title, url = subject
        before = canvas.node("Attached to", title, f"attached to {title}", url, "plain", 0, centre)
        canvas.join(before, [here])
    shown = canvas.count - 1 - left
    total = len(referrers) + sum(len(beyond.get(one.manifest.digest, ())) for one in referrers)
    columns = left + 1 + (1 if referrers else 0) + (1 if beyond else 0)
    return Graph(
        nodes=canvas.nodes,
        edges=canvas.edges,
        width=(columns - 1) * _STEP_X + _WIDTH + 2 * _MARGIN,
        height=(max(row, 1) - 1) * _STEP_Y + _HEIGHT + 2 * _MARGIN,
        left_out=total - shown,
    )


class _Canvas:
    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.edges: list[str] = []

    @property
    def count(self) -> int:
        return len(self.nodes)

    def at(self, column: int, row: float) -> tuple[int, int]:
        return _MARGIN + column * _STEP_X, _MARGIN + round(row * _STEP_Y)

    def referrer(self, one: Referrer, column: int, row: float) -> tuple[int, int]:
        word = _WORDS.get(one.state, "")
        label = ", ".join(filter(None, (one.title, one.detail, word, one.manifest.digest)))
        title = f"{one.title} · {word}" if word else one.title
        return self.node(title, one.detail, label, one.url, one.state or "plain", column, row)

    def node(
        self, title: str, detail: str, label: str, url: str, style: str, column: int, row: float
    ) -> tuple[int, int]:
        x, y = self.at(column, row)
        self.nodes.append(Node(_cut(title), _cut(detail), label, url, style, x, y))
        return x, y

    def join(self, start: tuple[int, int], ends: Sequence[tuple[int, int]]) -> None:
        x, y = start[0] + _WIDTH, start[1] + _HEIGHT // 2
        half = x + (_STEP_X - _WIDTH) // 2
        for end_x, end_y in ends:
            middle = end_y + _HEIGHT // 2
            self.edges.append(f"M{x} {y}C{half} {y} {half} {middle} {end_x} {middle}")


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[: _MAX_TEXT - 1]}…"
