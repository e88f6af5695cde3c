"""What two manifests have in common, and in what they differ."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, Final, Literal

from artifacts.kinds.kinds import IMAGE_CONFIGS
from artifacts.oci.descriptors import Descriptor
from artifacts.oci.media_types import INDEXES
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from ui.comparison.charts import are_charts, not_compared
from ui.comparison.sides import Side
from ui.contents.images import ImageView, image_of
from ui.contents.tag_rows import Platform, platforms_of
from ui.display.text import shown

MAX_ROWS: Final = 200  # of each table
_MAX_TEXT_LENGTH = 300

State = Literal["same", "changed", "added", "removed"]


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    a: str
    b: str
    state: State


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that differ, the others being counted. ``left_out`` rows differ as well.

    ``problem`` says why nothing was compared. ``manifests`` are those of the digests in the
    rows that the repository holds.
    """

    title: str
    rows: Sequence[Row] = ()
    alike: int = 0
    left_out: int = 0
    problem: str = ""
    manifests: frozenset[str] = frozenset()


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


def tables(repository: Repository, a: Side, b: Side, now: datetime) -> list[Table]:
    """Whatever has names on both sides, each with its title."""
    candidates = [
        table("Annotations", a.document.annotations, b.document.annotations),
        table("Labels", a.manifest.labels, b.manifest.labels),
        _configs(repository, a, b, now),
        _charts(a, b),
        _platforms(repository, a, b),
    ]
    return [one for one in candidates if one.rows or one.alike or one.problem]


def layers(a: Side, b: Side) -> Layers | None:
    if not a.document.layers and not b.document.layers:
        return None
    rest = Counter(layer.digest for layer in a.document.layers)
    common: list[Descriptor] = []
    added: list[Descriptor] = []
    for layer in b.document.layers:
        (common if rest[layer.digest] > 0 else added).append(layer)
        rest[layer.digest] -= 1
    remaining = Counter(layer.digest for layer in common)
    removed = []
    for layer in a.document.layers:
        if remaining[layer.digest] > 0:
            remaining[layer.digest] -= 1
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


def table(title: str, a: Mapping[str, str], b: Mapping[str, str]) -> Table:
    """What two mappings do not say alike."""
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
        return table("Config", *map(_config, images))
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
    facts = {"Platform": image.platform, **{fact.name: fact.text for fact in image.facts}}
    environment = {f"Environment: {pair.name}": pair.text for pair in image.environment}
    return {name: text for name, text in {**facts, **environment}.items() if text}


def _charts(a: Side, b: Side) -> Table:
    problem = not_compared(a, b, "Chart.yaml") if are_charts(a, b) else ""
    return (
        Table("Chart.yaml", problem=problem)
        if problem
        else table("Chart.yaml", _chart(a), _chart(b))
    )


def _chart(side: Side) -> Mapping[str, str]:
    if side.chart is None:
        return {}
    fields: dict[str, str] = {name: _text(value) for name, value in side.chart.metadata.items()}
    for number, one in enumerate(islice(side.chart.dependencies, MAX_ROWS), 1):
        fields[f"dependency {one.get('name', number)}"] = _text(one)
    return fields


def _platforms(repository: Repository, a: Side, b: Side) -> Table:
    differing = table("Platforms", _digests(a), _digests(b))
    digests = {digest for row in differing.rows for digest in (row.a, row.b) if digest}
    if not digests:
        return differing
    here = Manifest.objects.filter(repository=repository.id, digest__in=digests)
    return replace(differing, manifests=frozenset(here.values_list("digest", flat=True)))


def _digests(side: Side) -> Mapping[str, str]:
    if side.manifest.media_type not in INDEXES:
        return {}
    return named_platforms(platforms_of(side.document))


def named_platforms(platforms: Iterable[Platform]) -> Mapping[str, str]:
    """The digest of each by its name, with a number where several have the same."""
    digests: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for platform in platforms:
        counts[platform.name] += 1
        count = counts[platform.name]
        digests[platform.name if count == 1 else f"{platform.name} ({count})"] = platform.digest
    return digests


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _layer_rows(descriptors: Iterable[Descriptor], state: State) -> Iterable[LayerRow]:
    for descriptor in descriptors:
        media_type = shown(descriptor.media_type, _MAX_TEXT_LENGTH)
        yield LayerRow(str(descriptor.digest), media_type, max(0, descriptor.size), state)


def _size(descriptors: Iterable[Descriptor]) -> int:
    return sum(max(0, descriptor.size) for descriptor in descriptors)
