"""What two manifests have in common, and in what they differ."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from difflib import Match, SequenceMatcher
from itertools import accumulate, islice
from typing import Any, Final, Literal

from django.http import HttpRequest, HttpResponse

from artifacts.kinds.kinds import IMAGE_CONFIGS, Kind
from artifacts.oci.descriptors import Descriptor
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import OCIError
from artifacts.oci.media_types import INDEXES
from artifacts.oci.names import Reference
from artifacts.oci.strict_json import MAX_SHOWN_VALUES, values_in
from registry.charts.models import ChartVersion
from registry.manifests.models import Manifest
from registry.manifests.reads import ResolvedManifest, resolve_manifest
from registry.manifests.sizes import content_size
from registry.repositories.models import Repository
from ui.contents.charts import unread
from ui.contents.images import ImageView, image_of
from ui.contents.tag_rows import Platform, platforms_of
from ui.display.costly import SMALL_BYTES, place_for
from ui.display.text import shown, spelled_out
from ui.pages import reason_of
from ui.tags.pages import TagsPage
from ui.tags.tag_list import suggested_tags

MAX_SUGGESTED = 100
MAX_ROWS: Final = 200  # of each table
MAX_VALUES_LENGTH: Final = 1024 * 1024
MAX_LINES: Final = 20_000  # of each text
MAX_STEPS: Final = 500_000  # pairs of lines that are looked at, in each of two ways
MAX_SHOWN_LINES: Final = 1500
MAX_LINE_LENGTH: Final = 1000
CONTEXT: Final = 3  # lines around a difference
_MAX_TEXT_LENGTH = 300

State = Literal["same", "changed", "added", "removed"]
Sign = Literal["same", "added", "removed", "gap"]


class TooDifferent(Exception):
    """There is more to show than anybody would read."""


@dataclass(frozen=True, slots=True)
class Line:
    sign: Sign
    text: str

    @property
    def mark(self) -> str:
        return {"same": " ", "added": "+", "removed": "-", "gap": "…"}[self.sign]


_MAX_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: what was asked for, and what was found."""

    text: str
    manifest: Manifest
    document: ManifestDocument
    chart: ChartVersion | None
    size: int


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    a: str
    b: str
    state: State


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that differ, the others being counted. ``left_out`` rows differ as well.

    ``problem`` says why nothing was compared.
    """

    title: str
    rows: Sequence[Row] = ()
    alike: int = 0
    left_out: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class LayerRow:
    digest: str
    media_type: str
    size: int
    state: State


@dataclass(frozen=True, slots=True)
class Layers:
    rows: Sequence[LayerRow]
    left_out: int
    common: int
    common_size: int
    added_size: int
    removed_size: int


@dataclass(frozen=True, slots=True)
class Values:
    """How values.yaml changed; ``problem`` says why that is not shown."""

    lines: Sequence[Line] = ()
    problem: str = ""


class ComparePage(TagsPage):
    template = "ui/tags/compare.html"

    def get(self, request: HttpRequest, repository: str) -> HttpResponse:
        texts = [request.GET.get(name, "").strip()[:_MAX_LENGTH] for name in ("a", "b")]
        problems: list[str] = []
        resolved = [(text, self._resolved(text, problems)) for text in texts if text]
        found = [(text, one) for text, one in resolved if one is not None]
        with place_for(sum(len(one.body) for _, one in found), SMALL_BYTES):
            sides = [self._side(text, one, problems) for text, one in found]
            about = self._about([side for side in sides if side is not None])
        return self.render(
            texts=texts,
            problems=problems,
            suggested=suggested_tags(self.repository, "", most=MAX_SUGGESTED, now=self.now),
            **about,
        )

    def _about(self, sides: Sequence[Side]) -> dict[str, Any]:
        if len(sides) < 2:
            return {}
        a, b = sides
        return {
            "a": a,
            "b": b,
            "is_same": a.manifest.pk == b.manifest.pk,
            "tables": tables(self.repository, a, b, self.now),
            "layers": layers(a, b),
            "values": values(a, b),
        }

    def _resolved(self, text: str, problems: list[str]) -> ResolvedManifest | None:
        try:
            return resolve_manifest(
                repository=self.repository,
                reference=Reference.parse(text),
                with_body=True,
                now=self.now,
            )
        except OCIError as error:
            problems.append(reason_of(error))
            return None

    def _side(self, text: str, found: ResolvedManifest, problems: list[str]) -> Side | None:
        if values_in(found.body) > MAX_SHOWN_VALUES:
            problems.append(f"{text} is made of too many parts to be compared here.")
            return None
        try:
            document = found.document()
        except OCIError as error:
            problems.append(reason_of(error))
            return None
        manifest = Manifest.objects.defer("body").filter(pk=found.id).first()
        if manifest is None:
            problems.append(f"{text} was deleted just now.")
            return None
        chart = None
        if manifest.kind == Kind.HELM_CHART:
            chart = ChartVersion.objects.filter(manifest=manifest).first()
        return Side(text, manifest, document, chart, content_size(manifest.id))

    def context(self) -> dict[str, object]:
        return {**super().context(), "crumb": "Compare"}


def tables(repository: Repository, a: Side, b: Side, now: datetime) -> list[Table]:
    """Whatever has names on both sides, each with its title."""
    found = [
        _table("Annotations", a.document.annotations, b.document.annotations),
        _table("Labels", a.manifest.labels, b.manifest.labels),
        _configs(repository, a, b, now),
        _charts(a, b),
        _table("Platforms", _platforms(a), _platforms(b)),
    ]
    return [table for table in found if table.rows or table.alike or table.problem]


def layers(a: Side, b: Side) -> Layers | None:
    if not a.document.layers and not b.document.layers:
        return None
    rest = Counter(layer.digest for layer in a.document.layers)
    common: list[Descriptor] = []
    added: list[Descriptor] = []
    for layer in b.document.layers:
        (common if rest[layer.digest] > 0 else added).append(layer)
        rest[layer.digest] -= 1
    kept = Counter(layer.digest for layer in common)
    removed = []
    for layer in a.document.layers:
        if kept[layer.digest] > 0:
            kept[layer.digest] -= 1
        else:
            removed.append(layer)
    rows = [
        *_layer_rows(removed, "removed"),
        *_layer_rows(added, "added"),
        *_layer_rows(common, "same"),
    ]
    return Layers(
        rows[:MAX_ROWS],
        max(0, len(rows) - MAX_ROWS),
        len(common),
        _size(common),
        _size(added),
        _size(removed),
    )


def values(a: Side, b: Side) -> Values | None:
    if not _are_charts(a, b):
        return None
    problem = _not_compared(a, b, "values.yaml")
    if a.chart is None or b.chart is None or problem:
        return Values(problem=problem)
    if max(len(a.chart.values), len(b.chart.values)) > MAX_VALUES_LENGTH:
        return Values(problem="They are too long to be compared here.")
    try:
        with place_for(len(a.chart.values) + len(b.chart.values)):
            lines = differences(a.chart.values, b.chart.values)
    except TooDifferent:
        return Values(problem="They differ in more lines than can be shown here.")
    return Values([Line(line.sign, spelled_out(line.text)) for line in lines])


def _are_charts(a: Side, b: Side) -> bool:
    return a.manifest.kind == b.manifest.kind == Kind.HELM_CHART


def _not_compared(a: Side, b: Side, path: str) -> str:
    """Why the files at ``path`` of two charts were not compared; nothing where they can be."""
    if a.chart and b.chart and a.chart.content_digest == b.chart.content_digest != "":
        return "Both have the same archive." if _unread(a, path) else ""
    told = [f"Of {shown(side.text, 80)}: {why}" for side in (a, b) if (why := _unread(side, path))]
    return " ".join(["Not compared.", *told]) if told else ""


def _unread(side: Side, path: str) -> str:
    return shown(unread(side.chart, path), _MAX_TEXT_LENGTH)


def differences(a: str, b: str) -> list[Line]:
    """What was removed from ``a`` and added in ``b``, each with some lines around it; nothing
    when they are alike. Raises ``TooDifferent``."""
    old, new = a.splitlines(), b.splitlines()
    if max(len(old), len(new)) > MAX_LINES:
        raise TooDifferent
    for skips_frequent in (False, True):
        with suppress(TooDifferent):
            shown = list(islice(_lines(old, new, skips_frequent), MAX_SHOWN_LINES + 1))
            if len(shown) <= MAX_SHOWN_LINES:
                return shown
    raise TooDifferent


def _lines(old: Sequence[str], new: Sequence[str], skips_frequent: bool) -> Iterator[Line]:
    end = 0
    for group in _Matcher(old, new, skips_frequent).get_grouped_opcodes(CONTEXT):
        if group[0][1] > end:
            yield Line("gap", "")
        for tag, old_start, old_end, new_start, new_end in group:
            signs: tuple[Sign, Sign] = ("same", "same") if tag == "equal" else ("removed", "added")
            yield from (Line(signs[0], text[:MAX_LINE_LENGTH]) for text in old[old_start:old_end])
            if tag != "equal":
                yield from (
                    Line(signs[1], text[:MAX_LINE_LENGTH]) for text in new[new_start:new_end]
                )
        end = group[-1][2]
    if 0 < end < len(old):
        yield Line("gap", "")


class _Matcher(SequenceMatcher[str]):
    """Gives up after so many steps, however the texts are made. Raises ``TooDifferent``."""

    def __init__(self, old: Sequence[str], new: Sequence[str], skips_frequent: bool) -> None:
        super().__init__(None, old, new, autojunk=skips_frequent)
        places: Mapping[str, Sequence[int]] = self.b2j  # type: ignore[attr-defined]
        pairs = (1 + len(places.get(line, ())) for line in old)
        self._before = list(accumulate(pairs, initial=0))  # the steps to look at all lines before
        self._left = MAX_STEPS

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> Match:
        self._left -= self._before[-1 if ahi is None else ahi] - self._before[alo]
        if self._left < 0:
            raise TooDifferent
        return super().find_longest_match(alo, ahi, blo, bhi)


def _table(title: str, a: Mapping[str, str], b: Mapping[str, str]) -> Table:
    names = sorted({*a, *b})
    differing = [name for name in names if a.get(name) != b.get(name)]
    rows = [_row(name, a.get(name), b.get(name)) for name in differing[:MAX_ROWS]]
    return Table(title, rows, len(names) - len(differing), len(differing) - len(rows))


def _row(name: str, a: str | None, b: str | None) -> Row:
    state: State = "added" if a is None else "removed" if b is None else "changed"
    return Row(
        shown(name, _MAX_TEXT_LENGTH),
        shown(a or "", _MAX_TEXT_LENGTH),
        shown(b or "", _MAX_TEXT_LENGTH),
        state,
    )


def _configs(repository: Repository, a: Side, b: Side, now: datetime) -> Table:
    """What two images run, and how. Labels have a table of their own."""
    images = [_image(repository, side, now) for side in (a, b)]
    problems = [
        f"Of {shown(side.text, 80)}: {image.problem}"
        for side, image in zip((a, b), images, strict=True)
        if image and image.problem
    ]
    if not problems:
        return _table("Config", *map(_config, images))
    if a.document.config and a.document.config == b.document.config:
        return Table("Config", problem="Both have the same config.")
    return Table("Config", problem=" ".join(["Not compared.", *problems]))


def _image(repository: Repository, side: Side, now: datetime) -> ImageView | None:
    document = side.document
    if document.inline_config is None and document.config_media_type not in IMAGE_CONFIGS:
        return None
    return image_of(repository, document, now)


def _config(image: ImageView | None) -> Mapping[str, str]:
    if image is None:
        return {}
    told = {"Platform": image.platform, **{fact.name: fact.text for fact in image.facts}}
    environment = {f"Environment: {pair.name}": pair.text for pair in image.environment}
    return {name: text for name, text in {**told, **environment}.items() if text}


def _charts(a: Side, b: Side) -> Table:
    problem = _not_compared(a, b, "Chart.yaml") if _are_charts(a, b) else ""
    return (
        Table("Chart.yaml", problem=problem)
        if problem
        else _table("Chart.yaml", _chart(a), _chart(b))
    )


def _chart(side: Side) -> Mapping[str, str]:
    if side.chart is None:
        return {}
    told: dict[str, str] = {name: _text(value) for name, value in side.chart.metadata.items()}
    for number, one in enumerate(islice(side.chart.dependencies, MAX_ROWS), 1):
        told[f"dependency {one.get('name', number)}"] = _text(one)
    return told


def _platforms(side: Side) -> Mapping[str, str]:
    if side.manifest.media_type not in INDEXES:
        return {}
    return named_platforms(platforms_of(side.document))


def named_platforms(platforms: Iterable[Platform]) -> Mapping[str, str]:
    """The digest of each by its name, with a number where several have the same."""
    found: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for platform in platforms:
        counts[platform.name] += 1
        count = counts[platform.name]
        found[platform.name if count == 1 else f"{platform.name} ({count})"] = platform.digest
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _layer_rows(found: Iterable[Descriptor], state: State) -> Iterable[LayerRow]:
    for layer in found:
        media_type = shown(layer.media_type, _MAX_TEXT_LENGTH)
        yield LayerRow(str(layer.digest), media_type, max(0, layer.size), state)


def _size(found: Iterable[Descriptor]) -> int:
    return sum(max(0, layer.size) for layer in found)
