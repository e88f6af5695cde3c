"""Plots as SVG that is drawn on the server: they need no script, print, and follow the theme."""

import hashlib
from collections.abc import Sequence
from itertools import product

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ui.display.amounts import bytes_text

Point = tuple[float, float]


def sparkline(
    values: Sequence[int], label: str, *, width: int = 96, height: int = 24
) -> SafeString:
    points = _points(values, width, height)
    line = _line(points)
    return format_html(
        '<svg viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" aria-label="{label}">'
        '<polygon class="b-spark-fill" points="2,{foot} {line} {end},{foot}"/>'
        '<polyline class="b-spark-line" points="{line}"/>'
        '<circle class="b-spark-dot" cx="{x}" cy="{y}" r="2"/></svg>',
        w=width,
        h=height,
        label=label,
        foot=height - 2,
        end=width - 2,
        line=line,
        x=points[-1][0],
        y=points[-1][1],
    )


def bars(
    rows: Sequence[tuple[str, int]], label: str, *, width: int = 560, height: int = 64
) -> SafeString:
    """One bar for each ``(name, value)``, in their order."""
    step = width / max(1, len(rows))
    top = max((value for _, value in rows), default=0) or 1
    drawn = (
        (
            f"{number * step + 0.6:.1f}",
            f"{height - value / top * (height - 2):.1f}",
            f"{max(0.5, step - 1.2):.1f}",
            f"{max(1.0, value / top * (height - 2)):.1f}",
            name,
            value,
        )
        for number, (name, value) in enumerate(rows)
    )
    return format_html(
        '<svg class="b-plot b-bars" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>',
        width,
        height,
        label,
        format_html_join(
            "",
            '<rect x="{}" y="{}" width="{}" height="{}" rx="1"><title>{}: {}</title></rect>',
            drawn,
        ),
    )


def sizes_over_time(
    rows: Sequence[tuple[str, int]], label: str, *, width: int = 360, height: int = 150
) -> SafeString:
    """An area below the bytes of each ``(date, bytes)``, in the order of time."""
    left, right, top, bottom = 50, 6, 10, 20
    high = (max((size for _, size in rows), default=0) or 1) * 1.08
    wide, tall = width - left - right, height - top - bottom
    step = wide / max(1, len(rows) - 1)
    points = [
        (round(left + number * step, 1), round(top + tall - size / high * tall, 1))
        for number, (_, size) in enumerate(rows)
    ]
    marks = format_html_join(
        "",
        '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>'
        '<text x="{}" y="{}" text-anchor="end">{}</text>',
        (
            (left, width - right, y, y, left - 6, y + 3, bytes_text(int(high * part)))
            for part in (0, 1 / 3, 2 / 3)
            for y in (round(top + tall - part * tall, 1),)
        ),
    )
    ends = [(0, "start"), (len(rows) - 1, "end")] if len(rows) > 1 else [(0, "start")] * len(rows)
    names = format_html_join(
        "",
        '<text x="{}" y="{}" text-anchor="{}">{}</text>',
        ((points[at][0], height - 5, anchor, rows[at][0]) for at, anchor in ends),
    )
    hits = format_html_join(
        "",
        '<circle class="hit" cx="{}" cy="{}" r="5"><title>{}: {}</title></circle>',
        ((x, y, name, bytes_text(size)) for (x, y), (name, size) in zip(points, rows, strict=True)),
    )
    return format_html(
        '<svg class="b-plot" viewBox="0 0 {} {}" role="img" aria-label="{}">{}'
        '<polygon class="area" points="{},{} {} {},{}"/><polyline class="line" points="{}"/>{}{}'
        "</svg>",
        width,
        height,
        label,
        marks,
        left,
        top + tall,
        _line(points),
        width - right,
        top + tall,
        _line(points),
        names,
        hits,
    )


def avatar(name: str, *, pixels: int = 40) -> SafeString:
    """A picture that the name alone decides: nothing is uploaded, nobody else is asked."""
    digest = hashlib.sha256(name.encode()).digest()
    hue = round(digest[0] / 255 * 360)
    half = [(x, y) for x, y in product(range(3), range(5)) if digest[1 + x * 5 + y] & 1]
    cells = half + [(4 - x, y) for x, y in half if x < 2]
    return format_html(
        '<svg class="b-avatar" viewBox="-1 -1 7 7" width="{}" height="{}" aria-hidden="true">'
        '<rect x="-1" y="-1" width="7" height="7" rx="1.2" fill="hsl({} 45% 92%)"/>'
        '<g fill="hsl({} 55% 42%)">{}</g></svg>',
        pixels,
        pixels,
        hue,
        hue,
        format_html_join("", '<rect x="{}" y="{}" width="1.02" height="1.02"/>', cells),
    )


def _points(values: Sequence[int], width: int, height: int) -> list[Point]:
    shown = list(values) or [0]
    top = max(shown) or 1
    step = (width - 4) / max(1, len(shown) - 1)
    return [
        (round(2 + number * step, 1), round(height - 2 - value / top * (height - 4), 1))
        for number, value in enumerate(shown)
    ]


def _line(points: Sequence[Point]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)
