"""Plots as SVG that is drawn on the server: they need no script, print, and follow the theme."""

import hashlib
import math
from collections.abc import Sequence
from datetime import date
from itertools import product

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ui.display.amounts import bytes_text

Point = tuple[float, float]
_WIDE = 1000  # units that a stretched drawing has from its first day to its last
_MARGIN = 64  # pixels, for the marks beside it


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
    rows: Sequence[tuple[date, int]], label: str, *, height: int = 150
) -> SafeString:
    """An area below the bytes of each ``(day, bytes)``, in the order of time, each at its day.

    Of one day alone a dot with a dashed line at its height. The drawing is as wide as its place
    and ``height`` pixels tall: what is drawn is stretched, and text is not.
    """
    if not rows:
        return format_html('<svg class="b-plot" role="img" aria-label="{}"></svg>', label)
    top, bottom = 12, 24
    ticks = byte_ticks(max(size for _, size in rows))
    high = ticks[-1]
    tall = height - top - bottom
    first, days = rows[0][0], max(1, (rows[-1][0] - rows[0][0]).days)
    points = [
        (round((day - first).days / days * _WIDE, 1), round(tall - size / high * tall, 1))
        for day, size in rows
    ]
    marks = format_html_join(
        "",
        '<line class="grid" x1="{}" x2="100%" y1="{}" y2="{}"/>'
        '<text x="{}" y="{}" text-anchor="end">{}</text>',
        (
            (_MARGIN, y, y, _MARGIN - 8, y + 4, bytes_text(tick))
            for tick in ticks
            for y in (round(top + tall - tick / high * tall, 1),)
        ),
    )
    ends = [(_MARGIN, "start", rows[0][0]), ("100%", "end", rows[-1][0])][: len(rows)]
    names = format_html_join(
        "",
        '<text x="{}" y="{}" text-anchor="{}">{}</text>',
        ((x, height - 4, anchor, day.isoformat()) for x, anchor, day in ends),
    )
    hits = format_html_join(
        "",
        '<path class="hit" d="{}"><title>{}: {}</title></path>',
        (
            (_spot(point), day.isoformat(), bytes_text(size))
            for point, (day, size) in zip(points, rows, strict=True)
        ),
    )
    return format_html(
        '<svg class="b-plot" height="{}" role="img" aria-label="{}">{}{}'
        '<svg class="stretched" x="{}" y="{}" height="{}" viewBox="0 0 {} {}"'
        ' preserveAspectRatio="none">{}{}</svg></svg>',
        height,
        label,
        marks,
        names,
        _MARGIN,
        top,
        tall,
        _WIDE,
        tall,
        _line_of_days(points, tall),
        hits,
    )


def byte_ticks(most: int) -> list[int]:
    """Round numbers of bytes from 0 upwards; the last is not below ``most``, and at most five."""
    unit = 1024 ** min(5, int(math.log(max(1, most), 1024)))
    in_units = max(most, 1) / unit
    power: float = 10 ** math.floor(math.log10(in_units))
    steps = (step * power * unit for step in (0.25, 0.5, 1, 2.5, 5) if step * power * unit >= 1)
    step = next(step for step in steps if step * 4 >= most)
    return [int(step * number) for number in range(math.ceil(most / step or 1) + 1)]


def _line_of_days(points: Sequence[Point], foot: int) -> SafeString:
    if len(points) == 1:
        return format_html(
            '<line class="line dashed" x1="0" x2="{}" y1="{y}" y2="{y}"/>'
            '<path class="dot" d="{}"/>',
            _WIDE,
            _spot(points[0]),
            y=points[0][1],
        )
    return format_html(
        '<polygon class="area" points="{},{foot} {line} {},{foot}"/>'
        '<polyline class="line" points="{line}"/>',
        points[0][0],
        points[-1][0],
        foot=foot,
        line=_line(points),
    )


def _spot(point: Point) -> str:
    """A line of no length: its round ends are a dot, which no stretching makes an ellipse."""
    return f"M{point[0]} {point[1]}h0"


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
