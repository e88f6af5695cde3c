"""What two manifests say, side by side, and how the files of two charts changed."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from artifacts.images.tree import Change, differences
from ui.comparison.charts import are_charts, values
from ui.comparison.lines import Changes
from ui.comparison.sides import ComparisonBase, Side
from ui.comparison.tables import layers, tables
from ui.comparison.trees import Files, text_changes
from ui.display.costly import costly
from ui.display.text import shown

MAX_FILES: Final = 20  # of a chart whose lines are shown at once
MAX_LINES: Final = 1500  # of all of them
MAX_CPU_SECONDS: Final = 0.5  # in which lines are compared; more are left to pages of their own
_VALUES: Final = "values.yaml"
_LATER: Final = Changes(problem="There is no room here for how it changed.")


@dataclass(frozen=True, slots=True)
class FileRow:
    path: str
    change: Change
    texts: Changes
    url: str


@dataclass(frozen=True, slots=True)
class ChartFiles:
    """Files of two charts that differ, without the values. ``told`` says what is not known."""

    rows: Sequence[FileRow]
    count: int
    left_out: int
    told: Sequence[str]


class ComparePage(ComparisonBase):
    template = "ui/comparison/overview.html"

    def about(self, a: Side, b: Side) -> dict[str, Any]:
        return {
            "part": "overview",
            "tables": tables(self.repository, a, b, self.now),
            "layers": layers(a, b),
            "values": values(a, b),
            "chart_files": self._chart_files(a, b),
        }

    def _chart_files(self, a: Side, b: Side) -> ChartFiles | None:
        if not are_charts(a, b) or a.manifest.pk == b.manifest.pk:
            return None
        query = {"a": a.text, "b": b.text}
        with costly():
            old, new = (Files(self.repository, side, self.now) for side in (a, b))
            differing = [
                (path, node.change)
                for path, node in differences(old.tree.root, new.tree.root).below()
                if node.change and not node.is_folder and path != _VALUES
            ]
            changes = differing[:MAX_FILES]
            paths = [path for path, _ in changes]
            before, after = old.texts_at(paths), new.texts_at(paths)
            rows, end, left = [], time.thread_time() + MAX_CPU_SECONDS, MAX_LINES
            for path, change in changes:
                texts = _LATER
                if left > 0 and time.thread_time() < end:
                    texts = text_changes(before.get(path), after.get(path))
                    left -= len(texts.lines)
                rows.append(FileRow(shown(path, 500), change, texts, self.file_url(query, path)))
        problems = [*old.problems, *new.problems]
        return ChartFiles(rows, len(differing), len(differing) - len(rows), problems)
