"""The files of one chart that say something about it, and why Helm refuses to load them.

Source: helm.sh/helm/v3/pkg/chart/loader, ``LoadFiles``.
"""

import codecs
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from artifacts.charts.archive import ChartUnreadable, Entry, NotLookedAt, Room, entries
from artifacts.charts.metadata import (
    parse_dependencies,
    parse_lock,
    parse_metadata,
    parse_values,
)
from artifacts.charts.yaml_values import parse_yaml
from artifacts.text import text_of

MAX_CHART_YAML_BYTES: Final = 256 * 1024
MAX_TEXT_BYTES: Final = 512 * 1024
MAX_TEMPLATES: Final = 1000
MAX_PATH_LENGTH: Final = 500
MAX_SUBCHARTS: Final = 200
MAX_SUBCHART_DEPTH: Final = 8
MAX_SUBCHART_BYTES: Final = 8 * 1024 * 1024  # of all that is held of charts within a chart

CHART_YAML: Final = "Chart.yaml"
VALUES: Final = "values.yaml"
SCHEMA: Final = "values.schema.json"
REQUIREMENTS: Final = "requirements.yaml"
LOCKS: Final = ("Chart.lock", "requirements.lock")
_READMES = frozenset({"readme.md", "readme.txt", "readme"})  # in any case
_METADATA_FILES = frozenset({CHART_YAML, REQUIREMENTS, *LOCKS})
# What Helm reads when it loads a chart, Chart.yaml apart: one that it cannot read ends that.
_LOADED: Final[Mapping[str, Callable[[Any], object]]] = {
    VALUES: parse_values,
    REQUIREMENTS: parse_dependencies,
    **dict.fromkeys(LOCKS, parse_lock),
}
_CHARTS, _ARCHIVE, _PROVENANCE = "charts/", ".tgz", ".prov"


class ChartFiles:
    """The files of one archive, or of one folder in it, as they stream by.

    ``above`` is whose chart this is a part of: of those within a chart nothing is kept but what
    Helm loads, and all together have so much room.
    """

    def __init__(self, tick: Callable[[], None], above: "ChartFiles | None" = None) -> None:
        self.contents: dict[str, bytes] = {}
        self.refusals: dict[str, ChartUnreadable] = {}  # path -> why its content was not taken
        self.templates: set[str] = set()
        self.subcharts: dict[str, ChartFiles] = {}
        self.readme = ""  # the path of the one that Helm shows: the first in the archive
        self.templates_left_out = 0
        self._tick = tick
        self._is_within = above is not None
        self._depth: int = above._depth + 1 if above else 0
        self._room: _SubchartRoom = above._room if above else _SubchartRoom()
        self._broken = ""  # why it is no chart at all

    def take(self, entry: Entry) -> None:
        path = entry.path
        if path.startswith(_CHARTS):
            self._take_of_subchart(entry)
        elif path in _LOADED or path == CHART_YAML:
            self._take_content(entry)
        elif self._is_within:
            return
        elif path.startswith("templates/"):
            self._take_template(path)
        elif path.lower() in _READMES and not self.readme:
            self.readme = path
            self._take_content(entry)
        elif path == SCHEMA:
            self._take_content(entry)

    def has(self, path: str) -> bool:
        return path in self.contents or path in self.refusals

    def required_text(self, path: str) -> str:
        if path in self.refusals:
            raise self.refusals[path]
        content = self.contents[path]
        if path in _METADATA_FILES and not _is_for_helm(content):
            raise ChartUnreadable("it is neither UTF-8 nor UTF-16")
        return _decoded(content)

    def text(self, path: str) -> str:
        """A file's text; empty when it is absent or unreadable."""
        try:
            return self.required_text(path) if self.has(path) else ""
        except ChartUnreadable as error:
            self.refusals[path] = error
            return ""

    def dependencies_in(self, path: str) -> list[dict[str, Any]]:
        parse = parse_lock if path in LOCKS else parse_dependencies
        try:
            document = parse_yaml(self.text(path))
            return parse(document) if document is not None else []
        except ChartUnreadable as error:
            self.refusals[path] = error
            return []

    def faults(self) -> Iterator[tuple[str, str]]:
        """What Helm refuses, as a path and what is wrong with it. ``Chart.yaml`` is not asked."""
        for path, parse in _LOADED.items():
            self._tick()
            if self.has(path) and (reason := self._fault_of(path, parse)):
                yield path, reason
        for name, chart in sorted(self.subcharts.items()):
            if reason := chart._why_refused():
                yield f"{_CHARTS}{name}", reason

    @property
    def left_out(self) -> int:
        """How many charts within it nobody looked at."""
        return self._room.left_out

    def _fault_of(self, path: str, parse: Callable[[Any], object]) -> str:
        try:
            document = parse_yaml(self.required_text(path))
            if not _is_for_helm(self.contents[path]):
                return "it is neither UTF-8 nor UTF-16"
            if document is not None:
                parse(document)
        except NotLookedAt:
            return ""
        except ChartUnreadable as error:
            return str(error)
        return ""

    def _why_refused(self) -> str:
        if self._broken:
            return self._broken
        try:
            if not self.has(CHART_YAML):
                return f"it holds no {CHART_YAML}"
            self._tick()
            parse_metadata(parse_yaml(self.required_text(CHART_YAML)))
        except NotLookedAt:
            pass
        except ChartUnreadable as error:
            return f"of its {CHART_YAML}: {error}"
        return next((f"of its {path}: {reason}" for path, reason in self.faults()), "")

    def _take_template(self, path: str) -> None:
        is_listed = len(self.templates) < MAX_TEMPLATES and len(path) <= MAX_PATH_LENGTH
        if is_listed and path.isprintable():
            self.templates.add(path)
        else:
            self.templates_left_out += 1

    def _take_of_subchart(self, entry: Entry) -> None:
        name, _, below = entry.path.removeprefix(_CHARTS).partition("/")
        if name.startswith(("_", ".")) or entry.path.endswith(_PROVENANCE):
            return
        chart = self.subcharts.get(name)
        if chart is None:
            if not self._room.takes_chart(name, self._depth):
                return
            chart = self.subcharts[name] = ChartFiles(self._tick, above=self)
        if name.endswith(_ARCHIVE):
            chart._take_archive(entry, is_folder=bool(below))
        elif below:
            chart.take(replace(entry, path=below))

    def _take_archive(self, entry: Entry, *, is_folder: bool) -> None:
        if is_folder:
            self._broken = "it is a folder that is called as an archive"
            return
        try:
            self._room.take(entry.size)
            for one in entries(io.BytesIO(entry.read()), self._tick, self._room.unpacked):
                self.take(one)
        except NotLookedAt:
            self._room.left_out += 1
            self.refusals[CHART_YAML] = NotLookedAt()
        except ChartUnreadable as error:
            self._broken = str(error)

    def _take_content(self, entry: Entry) -> None:
        path = entry.path
        limit = MAX_CHART_YAML_BYTES if path in _METADATA_FILES else MAX_TEXT_BYTES
        if path in self.contents or path in self.refusals:
            self.contents.pop(path, None)
            self.refusals[path] = NotLookedAt("it stands in the archive twice")
        elif entry.is_link:
            self.refusals[path] = NotLookedAt("it is a link")
        elif entry.size > limit:
            self.refusals[path] = NotLookedAt(f"it is larger than {limit // 1024} KiB")
        elif self._is_within and not self._room.has(entry.size):
            self._room.left_out += 1
            self.refusals[path] = NotLookedAt()
        else:
            self.contents[path] = entry.read()
            if self._is_within:
                self._room.take(entry.size)


class _SubchartRoom:
    """What all charts within one chart, at any depth, may take together."""

    def __init__(self) -> None:
        self.left_out = 0
        self.unpacked = Room()
        self._charts = MAX_SUBCHARTS
        self._bytes = MAX_SUBCHART_BYTES

    def takes_chart(self, name: str, depth: int) -> bool:
        if not self._charts or depth >= MAX_SUBCHART_DEPTH or len(name) > MAX_PATH_LENGTH:
            self.left_out += 1
            return False
        self._charts -= 1
        return True

    def has(self, size: int) -> bool:
        return size <= self._bytes

    def take(self, size: int) -> None:
        if not self.has(size):
            raise NotLookedAt(f"it is larger than {self._bytes // 1024} KiB")
        self._bytes -= size


def _is_for_helm(content: bytes) -> bool:
    """Whether its reader of YAML knows the encoding: UTF-8, or UTF-16 with its mark."""
    is_utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return b"\x00" not in content or (is_utf_16 and not content.startswith(codecs.BOM_UTF32_LE))


def _decoded(content: bytes) -> str:
    try:
        text = text_of(content)
    except UnicodeDecodeError as error:
        raise ChartUnreadable(f"it is not UTF-8 at byte {error.start}") from error
    if "\x00" in text:
        raise ChartUnreadable("it holds a NUL character")
    return text
