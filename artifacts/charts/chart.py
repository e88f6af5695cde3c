"""Read a Helm chart: its archive as a stream of bytes, and its config.

Source: helm.sh/helm/v3/pkg/registry for the media types, pkg/chart/loader for the archive.
"""

import codecs
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any, Final

from artifacts.charts.archive import ChartUnreadable, Entry, entries
from artifacts.charts.metadata import Metadata, parse_dependencies, parse_metadata
from artifacts.charts.yaml_values import parse_yaml
from artifacts.text import text_of

CONTENT_TYPES: Final = frozenset(
    {
        "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
        "application/tar+gzip",  # Helm 3.0 to 3.6
    }
)
PROVENANCE_TYPE: Final = "application/vnd.cncf.helm.chart.provenance.v1.prov"

MAX_CHART_YAML_BYTES: Final = 256 * 1024
MAX_TEXT_BYTES: Final = 512 * 1024
MAX_TEMPLATES: Final = 1000
MAX_PATH_LENGTH: Final = 500

MAX_SUBCHARTS: Final = 200

_READMES = frozenset({"readme.md", "readme.txt", "readme"})  # in any case
_LOCKS = ("Chart.lock", "requirements.lock")
_METADATA_FILES = frozenset({"Chart.yaml", "requirements.yaml", *_LOCKS})
_TEXTS = frozenset({"values.yaml", "values.schema.json"})
UNREAD: Final = " could not be read, because "  # after a path, so begin problems of a file
OF_CONFIG: Final = "The config "  # so begin problems that do not lie in the archive
_NO_CHART: Final = "its archive holds no Chart.yaml in its top folder"


@dataclass(frozen=True, slots=True)
class Chart:
    """One version of a chart. ``problems`` are sentences on the parts that could not be read."""

    metadata: Metadata  # what Chart.yaml says, dependencies apart
    dependencies: tuple[Metadata, ...]
    locked: tuple[Metadata, ...]  # what Chart.lock makes of the dependencies
    subcharts: tuple[str, ...]  # the archives and folders below charts/
    values: str
    readme: str
    readme_name: str  # as it is spelled in the archive
    schema: str
    templates: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def name(self) -> str:
        return str(self.metadata["name"])

    @property
    def version(self) -> str:
        return str(self.metadata["version"])


def read_chart(archive: IO[bytes], config: bytes, tick: Callable[[], None] = lambda: None) -> Chart:
    """What is in the gzipped ``archive`` of a chart; ``config`` must name the same chart.

    The archive counts: it is what gets installed. Reads at most 100 MiB out of it, keeps at
    most a few of its small files, writes nothing. ``tick`` is called again and again meanwhile,
    and may raise.

    Raises:
        ChartUnreadable: there is no telling which chart this is. Parts that cannot be read
            do not raise, they are among the chart's ``problems``.
    """
    files = _Files()
    for entry in entries(archive, tick):
        files.take(entry)
    if not files.has("Chart.yaml"):
        raise ChartUnreadable(_NO_CHART)
    try:
        metadata = parse_metadata(parse_yaml(files.required_text("Chart.yaml")))
    except ChartUnreadable as error:
        raise ChartUnreadable(f"of its Chart.yaml: {error}") from error
    dependencies = metadata.pop("dependencies", [])
    # Helm reads requirements.yaml over what Chart.yaml says.
    dependencies = files.dependencies_in("requirements.yaml") or dependencies
    locked = next(filter(None, map(files.dependencies_in, _LOCKS)), [])
    return Chart(
        metadata=metadata,
        dependencies=tuple(dependencies),
        locked=tuple(locked),
        subcharts=tuple(sorted(files.subcharts)),
        values=files.text("values.yaml"),
        readme=files.text(files.readme),
        readme_name=files.readme,
        schema=files.text("values.schema.json"),
        templates=tuple(sorted(files.templates)),
        problems=(*files.problems(), *problem_of_config(config, metadata)),
    )


class _Files:
    """The files of one archive that say something about its chart."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.refusals: dict[str, str] = {}  # path -> why its content was not taken
        self.templates: set[str] = set()
        self.subcharts: set[str] = set()
        self.readme = ""  # the path of the one that Helm shows: the first in the archive
        self._left_out = 0

    def take(self, entry: Entry) -> None:
        path = entry.path
        if path.startswith("templates/"):
            self._take_template(path)
        elif path.startswith("charts/"):
            self._take_subchart(path)
        elif path.lower() in _READMES and not self.readme:
            self.readme = path
            self._take_content(entry)
        elif path in _METADATA_FILES or path in _TEXTS:
            self._take_content(entry)

    def has(self, path: str) -> bool:
        return path in self.contents or path in self.refusals

    def required_text(self, path: str) -> str:
        if path in self.refusals:
            raise ChartUnreadable(self.refusals[path])
        content = self.contents[path]
        if path in _METADATA_FILES and not _is_for_helm(content):
            raise ChartUnreadable("it is neither UTF-8 nor UTF-16")
        return _decoded(content)

    def text(self, path: str) -> str:
        """A file's text; empty when it is absent or unreadable."""
        try:
            return self.required_text(path) if self.has(path) else ""
        except ChartUnreadable as error:
            self.refusals[path] = str(error)
            return ""

    def dependencies_in(self, path: str) -> list[dict[str, Any]]:
        try:
            document = parse_yaml(self.text(path))
            return parse_dependencies(document) if document is not None else []
        except ChartUnreadable as error:
            self.refusals[path] = str(error)
            return []

    def problems(self) -> list[str]:
        told = [f"{path}{UNREAD}{reason}." for path, reason in sorted(self.refusals.items())]
        if self._left_out:
            told.append(f"{self._left_out} more templates are not listed.")
        return told

    def _take_template(self, path: str) -> None:
        is_listed = len(self.templates) < MAX_TEMPLATES and len(path) <= MAX_PATH_LENGTH
        if is_listed and path.isprintable():
            self.templates.add(path)
        else:
            self._left_out += 1

    def _take_subchart(self, path: str) -> None:
        _, name, *below = path.split("/")
        is_chart = not name.startswith(("_", ".")) and (below or name.endswith(".tgz"))
        if is_chart and len(self.subcharts) < MAX_SUBCHARTS and len(name) <= MAX_PATH_LENGTH:
            self.subcharts.add(name)

    def _take_content(self, entry: Entry) -> None:
        path = entry.path
        limit = MAX_CHART_YAML_BYTES if path in _METADATA_FILES else MAX_TEXT_BYTES
        if path in self.contents or path in self.refusals:
            self.contents.pop(path, None)
            self.refusals[path] = "it stands in the archive twice"
        elif entry.is_link:
            self.refusals[path] = "it is a link"
        elif entry.size > limit:
            self.refusals[path] = f"it is larger than {limit // 1024} KiB"
        else:
            self.contents[path] = entry.read()


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


def problem_of_config(config: bytes, metadata: Mapping[str, Any]) -> list[str]:
    """The config is Chart.yaml once more, as JSON; clients show the one and install the other."""
    try:
        document = json.loads(config)
    except (ValueError, RecursionError):
        return [f"{OF_CONFIG}could not be read, because it is not JSON."]
    if not isinstance(document, Mapping):
        return [f"{OF_CONFIG}could not be read, because it is no JSON object."]
    for field in ("name", "version"):
        if document.get(field) != metadata[field]:
            said = str(document.get(field))[:100].encode("ascii", "backslashreplace").decode()
            return [f"{OF_CONFIG}says {field} {said}, and the archive {metadata[field]}."]
    return []
