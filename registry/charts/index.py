"""The classic Helm repository's ``index.yaml``: every chart of an organization that one may read.

It is written as JSON, one version to a line. That is YAML too, and Helm reads it much faster.

Source: helm.sh/helm/v3/pkg/repo, index.go; YAML 1.1, of which JSON is a part once the
characters below are escaped.
"""

import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final, NamedTuple

from accounts.users.models import Namespace
from artifacts.oci.text import kept_json
from registry.charts.cache import Bodies, Body
from registry.charts.models import ChartVersion
from registry.repositories.models import RepositoryQuerySet
from registry.repositories.paths import split_path

BATCH_ROWS: Final = 500
_COMPRESSION_LEVEL: Final = 1
_GZIP: Final = 31  # zlib's window size for a gzip stream
_NOT_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")

_bodies = Bodies(max_bytes=32 * 1024 * 1024)


class _Row(NamedTuple):
    """One chart, with what decides which of several with the same version is listed."""

    id: int
    name: str
    version: str
    sort_key: str
    file_name: str
    metadata_json: str
    dependencies_json: str
    content_digest: str
    path: str  # of the repository
    pushed_at: datetime
    is_tagged: bool


_IDENTITY: Final[tuple[str, ...]] = ("id", "is_tagged")
_COLUMNS: Final = (
    "id",
    "name",
    "version",
    "sort_key",
    "file_name",
    "metadata_json",
    "dependencies_json",
    "content_digest",
    "repository__path",
    "manifest__pushed_at",
)


@dataclass(frozen=True, slots=True)
class ChartIndex:
    """The index of one organization as it is for one reader at one moment.

    ``charts`` are the ids of what it lists, in its order, each with ``is_tagged``.
    """

    namespace_id: int
    charts: Sequence[tuple[int, bool]]

    @classmethod
    def read(
        cls, *, namespace: Namespace, repositories: RepositoryQuerySet, now: datetime
    ) -> "ChartIndex":
        """The index for somebody who may read ``repositories``, in one query."""
        charts = ChartVersion.objects.available(now).filter(
            namespace=namespace.pk, repository__in=repositories.values("pk")
        )
        found = charts.newest_first().values_list(*_IDENTITY)
        return cls(namespace.pk, [(id, bool(is_tagged)) for id, is_tagged in found])

    @property
    def fingerprint(self) -> str:
        """Names exactly what is listed: another list has another fingerprint."""
        fingerprint = _Fingerprint()
        for id, is_tagged in self.charts:
            fingerprint.add(id, is_tagged)
        return fingerprint.value

    def body(self, *, now: datetime) -> Body:
        """The document, from memory when it was made before."""
        return _bodies.get((self.namespace_id, self.fingerprint)) or self._generate(now)

    def _generate(self, now: datetime) -> Body:
        """Kept under the fingerprint of what went into it: a chart may be gone meanwhile."""
        fingerprint = _Fingerprint()
        compressor = zlib.compressobj(_COMPRESSION_LEVEL, wbits=_GZIP)
        packed, size = [], 0
        for text in _document(self._rows(fingerprint), now):
            piece = text.encode()
            size += len(piece)
            packed.append(compressor.compress(piece))
        packed.append(compressor.flush())
        body = Body(packed=b"".join(packed), size=size, fingerprint=fingerprint.value)
        _bodies.put((self.namespace_id, body.fingerprint), body)
        return body

    def _rows(self, fingerprint: "_Fingerprint") -> Iterator[_Row]:
        """All of them in order, a batch in memory at a time."""
        for start in range(0, len(self.charts), BATCH_ROWS):
            batch = dict(self.charts[start : start + BATCH_ROWS])
            found = ChartVersion.objects.filter(pk__in=batch).values_list(*_COLUMNS)
            rows = {row[0]: _Row._make((*row, batch[row[0]])) for row in found}
            for row in (rows[id] for id in batch if id in rows):
                fingerprint.add(row.id, row.is_tagged)
                yield row


class _Fingerprint:
    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, id: int, is_tagged: bool) -> None:
        self._hash.update(b"%d%c" % (id, b"-+"[is_tagged]))

    @property
    def value(self) -> str:
        return self._hash.hexdigest()


def _document(rows: Iterator[_Row], now: datetime) -> Iterator[str]:
    yield '{"apiVersion": "v1", "entries": {'
    comma = "\n"
    for name, versions in groupby(rows, key=lambda row: row.name):
        yield f"{comma}{_json(name)}: ["
        comma = "\n"
        for row in _listed(versions):
            yield f"{comma}{_json(_entry(row))}"
            comma = ",\n"
        yield "]"
        comma = ",\n"
    yield f'}}, "generated": {_json(now.isoformat())}}}\n'


def _listed(versions: Iterable[_Row]) -> Iterator[_Row]:
    """Each version once. Of several, the one in the repository of the chart's name, and there the
    one that its own tag points at, and there the newest.
    """
    for _, alike in groupby(versions, key=lambda row: row.sort_key):
        best: dict[str, _Row] = {}  # builds of one version differ behind the +
        for row in alike:
            if row.version not in best or _rank(row) > _rank(best[row.version]):
                best[row.version] = row
        yield from best.values()


def _rank(row: _Row) -> tuple[bool, bool, int]:
    return row.path.rpartition("/")[2] == row.name, row.is_tagged, row.id


def _entry(row: _Row) -> dict[str, Any]:
    entry: dict[str, Any] = kept_json(row.metadata_json)
    if dependencies := kept_json(row.dependencies_json):
        entry["dependencies"] = dependencies
    entry["created"] = row.pushed_at.isoformat()
    algorithm, _, hexadecimal = row.content_digest.partition(":")
    if algorithm == "sha256":
        entry["digest"] = hexadecimal
    _, repository = split_path(row.path)
    entry["urls"] = [f"charts/{repository}/{row.file_name}"]
    return entry


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return _NOT_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def forget_indexes() -> None:
    """For tests, whose databases begin anew."""
    _bodies.clear()
