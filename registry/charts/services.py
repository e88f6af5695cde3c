"""Read the charts that were pushed, and keep what they say."""

import io
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from artifacts.archives.gunzip import PiecesFile
from artifacts.charts.archive import ChartUnreadable
from artifacts.charts.chart import (
    CONTENT_TYPES,
    OF_CONFIG,
    PROVENANCE_TYPE,
    Chart,
    problem_of_config,
)
from artifacts.charts.chart import read_chart as read_archive
from artifacts.charts.versions import sort_key
from artifacts.oci.descriptors import Descriptor
from artifacts.oci.documents import ManifestDocument
from registry.blobs.services import find_blob, read_blob
from registry.charts.models import ChartVersion
from registry.manifests.models import Manifest
from registry.repositories.services import note_words

MAX_ARCHIVE_BYTES = 100 * 1024 * 1024
MAX_CONFIG_BYTES = 1024 * 1024
_GIVEN_UP = "The chart could not be read: it was tried too often, and the log says why it failed."
_FROM_ARCHIVE = (
    "name",
    "version",
    "sort_key",
    "file_name",
    "api_version",
    "app_version",
    "description",
    "is_deprecated",
    "metadata_json",
    "dependencies_json",
    "lock_json",
    "subcharts_json",
    "templates_json",
    "values",
    "readme",
    "readme_name",
    "schema",
    "problems",
    "is_refused",
)


def read_chart(
    *, manifest: Manifest, now: datetime, tick: Callable[[], None] = lambda: None
) -> None:
    """Keep what the archive of a chart says, or why it could not be read.

    An archive that was read for another manifest is not read again. ``tick`` is called again and
    again while it is read, and may raise.

    Raises ``BlobUnknown`` when its bytes are lost: then nothing is kept.
    """
    document = manifest.document
    content = _layer(document, CONTENT_TYPES)
    provenance = _layer(document, frozenset({PROVENANCE_TYPE}))
    try:
        columns = _earlier_columns(manifest, document, content, now) or _columns(
            _read(manifest, document, content, now, tick)
        )
    except ChartUnreadable as error:
        columns = {"problems": f"The chart could not be read, because {error}."}
    _keep(manifest, content, provenance, columns, now)


def give_up_chart(*, manifest: Manifest, now: datetime) -> None:
    """Keep that a chart was tried to be read too often."""
    document = manifest.document
    content = _layer(document, CONTENT_TYPES)
    provenance = _layer(document, frozenset({PROVENANCE_TYPE}))
    _keep(manifest, content, provenance, {"problems": _GIVEN_UP}, now)


def _keep(
    manifest: Manifest,
    content: Descriptor | None,
    provenance: Descriptor | None,
    columns: Mapping[str, Any],
    now: datetime,
) -> None:
    """Everything anew, so that nothing of an earlier reading stays."""
    row = ChartVersion(
        manifest_id=manifest.id,
        repository_id=manifest.repository_id,
        namespace_id=manifest.repository.namespace_id,
        content_digest=str(content.digest) if content else "",
        provenance_digest=str(provenance.digest) if provenance else "",
        read_at=now,
        **columns,
    )
    with transaction.atomic():
        # Lock, then look again: it may have been deleted meanwhile.
        there = Manifest.objects.select_for_update(no_key=True).filter(pk=manifest.pk)
        if there.values_list("pk", flat=True).first():
            ChartVersion.objects.filter(manifest=manifest.pk).delete()
            row.save(force_insert=True)
            note_words(repository=manifest.repository, words=_words(row))


def _words(chart: ChartVersion) -> Iterator[str]:
    """What a chart says that it is: its keywords go with its name and its description."""
    yield chart.name
    yield chart.description
    keywords = chart.metadata.get("keywords", [])
    yield from (word for word in keywords if isinstance(word, str))


def _layer(document: ManifestDocument, types: frozenset[str]) -> Descriptor | None:
    return next((layer for layer in document.layers if layer.media_type in types), None)


def _earlier_columns(
    manifest: Manifest, document: ManifestDocument, content: Descriptor | None, now: datetime
) -> Mapping[str, Any] | None:
    """What the same archive said before. What the config says is compared with it anew."""
    if content is None or document.config is None:
        return None
    read = ChartVersion.objects.filter(
        content_digest=str(content.digest), manifest__inspected_at__isnull=False
    ).exclude(Q(problems=_GIVEN_UP) | Q(manifest=manifest.pk))
    columns = read.order_by("-id").values(*_FROM_ARCHIVE).first()
    if columns is None:
        return None
    problems = [line for line in columns["problems"].splitlines() if not line.startswith(OF_CONFIG)]
    if columns["name"]:
        problems += problem_of_config(_config(manifest, document.config, now), columns)
    return {**columns, "problems": "\n".join(problems)}


def _config(manifest: Manifest, config: Descriptor, now: datetime) -> bytes:
    if config.size > MAX_CONFIG_BYTES:
        return b""
    return b"".join(_pieces(manifest, config, now))


def _read(
    manifest: Manifest,
    document: ManifestDocument,
    content: Descriptor | None,
    now: datetime,
    tick: Callable[[], None],
) -> Chart:
    if content is None or document.config is None:
        raise ChartUnreadable("none of its layers has the type of a chart's archive")
    if content.size > MAX_ARCHIVE_BYTES:
        raise ChartUnreadable(f"its archive is larger than {MAX_ARCHIVE_BYTES // 1024**2} MiB")
    config = _config(manifest, document.config, now)
    with io.BufferedReader(PiecesFile(_pieces(manifest, content, now))) as archive:
        return read_archive(archive, config, tick)


def _pieces(manifest: Manifest, descriptor: Descriptor, now: datetime) -> Iterator[bytes]:
    blob = find_blob(repository=manifest.repository, digest=descriptor.digest, now=now)
    return read_blob(blob=blob, start=0, length=blob.size, now=now)


def _columns(chart: Chart) -> dict[str, Any]:
    metadata = chart.metadata
    return {
        "name": chart.name,
        "version": chart.version,
        "sort_key": sort_key(chart.version) or "",
        "file_name": f"{chart.name}-{chart.version}.tgz",
        "api_version": metadata.get("apiVersion", ""),
        "app_version": metadata.get("appVersion", ""),
        "description": metadata.get("description", ""),
        "is_deprecated": metadata.get("deprecated", False),
        "metadata_json": json.dumps(metadata),
        "dependencies_json": json.dumps(chart.dependencies),
        "lock_json": json.dumps(chart.locked),
        "subcharts_json": json.dumps(chart.subcharts),
        "templates_json": json.dumps(chart.templates),
        "values": chart.values,
        "readme": chart.readme,
        "readme_name": chart.readme_name,
        "schema": chart.schema,
        "problems": "\n".join(chart.problems),
        "is_refused": chart.is_refused,
    }
