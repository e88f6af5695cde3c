"""Read a Helm chart: its archive as a stream of bytes, and its config.

Source: helm.sh/helm/v3/pkg/registry for the media types, pkg/chart/loader for the archive.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, Final

from artifacts.charts.archive import ChartUnreadable, entries
from artifacts.charts.files import CHART_YAML, LOCKS, REQUIREMENTS, SCHEMA, VALUES, ChartFiles
from artifacts.charts.metadata import Metadata, parse_metadata
from artifacts.charts.yaml_values import parse_yaml

CONTENT_TYPES: Final = frozenset(
    {
        "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
        "application/tar+gzip",  # Helm 3.0 to 3.6
    }
)
PROVENANCE_TYPE: Final = "application/vnd.cncf.helm.chart.provenance.v1.prov"

UNREAD: Final = " could not be read, because "  # after a path, so begin problems of a file
OF_CONFIG: Final = "The config "  # so begin problems that do not lie in the archive
_NO_CHART: Final = f"its archive holds no {CHART_YAML} in its top folder"
_REFUSED: Final = (
    "Helm refuses to load this chart, so the classic repository does not list it. It can be pulled"
    " from here as it is."
)
_MAX_FAULTS: Final = 20


@dataclass(frozen=True, slots=True)
class Chart:
    """One version of a chart. ``problems`` are sentences on the parts that could not be read.

    ``is_refused`` says that Helm does not load it, because of something beside its Chart.yaml.
    """

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
    is_refused: bool

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
    files = ChartFiles(tick)
    for entry in entries(archive, tick):
        files.take(entry)
    if not files.has(CHART_YAML):
        raise ChartUnreadable(_NO_CHART)
    try:
        metadata = parse_metadata(parse_yaml(files.required_text(CHART_YAML)))
    except ChartUnreadable as error:
        raise ChartUnreadable(f"of its {CHART_YAML}: {error}") from error
    dependencies = metadata.pop("dependencies", [])
    # Helm reads requirements.yaml over what Chart.yaml says.
    dependencies = files.dependencies_in(REQUIREMENTS) or dependencies
    locks = [files.dependencies_in(path) for path in LOCKS]
    values, readme, schema = (files.text(path) for path in (VALUES, files.readme, SCHEMA))
    faults = dict(files.faults())
    return Chart(
        metadata=metadata,
        dependencies=tuple(dependencies),
        locked=tuple(next(filter(None, locks), [])),
        subcharts=tuple(sorted(files.subcharts)),
        values=values,
        readme=readme,
        readme_name=files.readme,
        schema=schema,
        templates=tuple(sorted(files.templates)),
        problems=(*_problems(files, faults), *problem_of_config(config, metadata)),
        is_refused=bool(faults),
    )


def _problems(files: ChartFiles, faults: Mapping[str, str]) -> Iterator[str]:
    if faults:
        yield _REFUSED
    for path, error in sorted(files.refusals.items()):
        yield f"{path}{UNREAD}{error}."
    broken = [(path, reason) for path, reason in faults.items() if path not in files.refusals]
    for path, reason in broken[:_MAX_FAULTS]:
        yield f"{path} is broken: {reason}."
    if len(broken) > _MAX_FAULTS:
        yield f"{len(broken) - _MAX_FAULTS} more are broken."
    if files.templates_left_out:
        yield f"{files.templates_left_out} more templates are not listed."
    if files.left_out:
        yield f"Not looked into: {files.left_out} of the charts and files within this chart."


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
            value = str(document.get(field))[:100].encode("ascii", "backslashreplace").decode()
            return [f"{OF_CONFIG}says {field} {value}, and the archive {metadata[field]}."]
    return []
