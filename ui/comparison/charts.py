"""What differs in the texts that were kept of two charts."""

from typing import Final

from artifacts.kinds.kinds import Kind
from ui.comparison.lines import Changes, changes
from ui.comparison.sides import Side
from ui.contents.charts import unread
from ui.display.costly import place_for
from ui.display.text import shown

MAX_VALUES_LENGTH: Final = 1024 * 1024
_MAX_TEXT_LENGTH = 300


def values(a: Side, b: Side) -> Changes | None:
    """How values.yaml changed."""
    if not are_charts(a, b):
        return None
    problem = not_compared(a, b, "values.yaml")
    if a.chart is None or b.chart is None or problem:
        return Changes(problem=problem)
    if max(len(a.chart.values), len(b.chart.values)) > MAX_VALUES_LENGTH:
        return Changes(problem="They are too long to be compared here.")
    with place_for(len(a.chart.values) + len(b.chart.values)):
        return changes(a.chart.values, b.chart.values)


def are_charts(a: Side, b: Side) -> bool:
    return a.manifest.kind == b.manifest.kind == Kind.HELM_CHART


def not_compared(a: Side, b: Side, path: str) -> str:
    """Why the files at ``path`` of two charts were not compared; nothing where they can be."""
    if a.chart and b.chart and a.chart.content_digest == b.chart.content_digest != "":
        return "Both have the same archive." if _unread(a, path) else ""
    reasons = [
        f"Of {shown(side.text, 80)}: {why}" for side in (a, b) if (why := _unread(side, path))
    ]
    return " ".join(["Not compared.", *reasons]) if reasons else ""


def _unread(side: Side, path: str) -> str:
    return shown(unread(side.chart, path), _MAX_TEXT_LENGTH)
