"""The classic Helm repository's ``index.yaml``: every chart of an organization that one may read.

It is written as JSON, one version to a line. That is YAML too, and Helm reads it much faster.

Source: helm.sh/helm/v3/pkg/repo, index.go; YAML 1.1, of which JSON is a part once the
characters below are escaped.
"""

import hashlib
import json
import logging
import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from itertools import groupby
from typing import Any, Final, NamedTuple

from accounts.users.models import Namespace
from artifacts.batches import batched
from artifacts.oci.errors import Unsupported
from artifacts.text import kept_json
from registry.charts.cache import Bodies, Body
from registry.charts.models import ChartVersion
from registry.repositories.models import RepositoryQuerySet
from registry.repositories.paths import split_path
from registry.rows.connections import release_connection
from registry.storage.files import disk_is_told

MAX_CHARTS: Final = 50_000  # that one reader may see in one organization
MAX_BYTES: Final = 64 * 1024 * 1024  # of one index, unpacked
BATCH_ROWS: Final = 500
TEXTS_AT_ONCE: Final = 25  # of up to half a megabyte each
_NOT_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")

_bodies = Bodies(
    max_bytes=256 * 1024 * 1024, max_count=64, makers=2, max_waiting=16, wait_seconds=20
)

logger = logging.getLogger(__name__)


class IndexTooLong(Unsupported):
    """There are more charts, or longer ones, than one index may list."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class _Row(NamedTuple):
    """What decides whether a chart is listed, where, and under which address."""

    id: int
    name: str
    version: str
    sort_key: str
    file_name: str
    content_digest: str
    path: str  # of the repository
    pushed_at: datetime
    is_tagged: bool


class _Texts(NamedTuple):
    metadata_json: str
    dependencies_json: str


_IDENTITY: Final[tuple[str, ...]] = ("id", "is_tagged")
_COLUMNS: Final = (
    "id",
    "name",
    "version",
    "sort_key",
    "file_name",
    "content_digest",
    "repository__path",
    "manifest__pushed_at",
)


@dataclass(frozen=True, slots=True)
class ChartIndex:
    """The index of one organization as it is for one reader at one moment.

    ``charts`` are the ids of what it lists, in its order; negative where no tag of the version's
    own name points at the chart.
    """

    namespace: Namespace
    charts: "array[int]"

    @classmethod
    def read(
        cls, *, namespace: Namespace, repositories: RepositoryQuerySet, now: datetime
    ) -> "ChartIndex":
        """The index for somebody who may read ``repositories``, in one query.

        Raises ``IndexTooLong``.
        """
        charts = ChartVersion.objects.available(now).filter(
            namespace=namespace.pk, repository__in=repositories.values("pk")
        )
        rows = charts.newest_first().values_list(*_IDENTITY)[: MAX_CHARTS + 1]
        ids = array("q", (id if is_tagged else -id for id, is_tagged in rows.iterator()))
        if len(ids) > MAX_CHARTS:
            raise _too_long(namespace, f"{MAX_CHARTS} charts")
        return cls(namespace, ids)

    @property
    def fingerprint(self) -> str:
        """Names exactly what is listed: another list has another fingerprint."""
        return _fingerprint(self.charts)

    def body(self, *, now: datetime) -> Body:
        """The document, made when nobody asked for it before.

        Raises ``IndexTooLong``, and ``DocumentBusy`` when others are waited for too long.
        """
        fingerprint = self.fingerprint
        body = _bodies.get(fingerprint)
        if body is None:
            release_connection()  # a wait must hold no connection
            body = _bodies.get_or_make(fingerprint, lambda: self._generate(now))
        if body.is_too_long:
            raise _too_long(self.namespace, f"{MAX_BYTES // 1024**2} MiB")
        return body

    def _generate(self, now: datetime) -> Body:
        """Kept under the fingerprint of what went into it: a chart may be gone meanwhile."""
        used = array("q")
        with disk_is_told():
            body = Body.write(_document(self._rows(used), used, now), max_bytes=MAX_BYTES)
        body.fingerprint = self.fingerprint if body.is_too_long else _fingerprint(used)
        return body

    def _rows(self, used: "array[int]") -> Iterator[_Row]:
        """All in order, a batch in memory at a time. Those that are there go to ``used``."""
        for start in range(0, len(self.charts), BATCH_ROWS):
            batch = self.charts[start : start + BATCH_ROWS]
            wanted = [abs(number) for number in batch]
            versions = ChartVersion.objects.filter(pk__in=wanted).values_list(*_COLUMNS)
            rows = {row[0]: row for row in versions}
            for number in batch:
                if row := rows.get(abs(number)):
                    used.append(number)
                    yield _Row._make((*row, number > 0))


def _fingerprint(charts: "array[int]") -> str:
    return hashlib.sha256(charts).hexdigest()


def _too_long(namespace: Namespace, most: str) -> IndexTooLong:
    logger.warning("the Helm index of %s would have more than %s", namespace.name, most)
    return IndexTooLong(
        f"the charts of {namespace.name} are too many for one index, which may have {most}; "
        f"pull them by oci://, or spread them over several organizations"
    )


def _document(rows: Iterator[_Row], used: "array[int]", now: datetime) -> Iterator[str]:
    yield '{"apiVersion": "v1", "entries": {'
    comma = "\n"
    for name, versions in groupby(rows, key=lambda row: row.name):
        yield f"{comma}{_json(name)}: ["
        comma = "\n"
        for row, texts in _with_texts(_listed(versions), used):
            yield f"{comma}{_json(_entry(row, texts))}"
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


def _with_texts(rows: Iterator[_Row], used: "array[int]") -> Iterator[tuple[_Row, _Texts]]:
    """With what each says of itself. Those that went since they were chosen leave ``used`` too."""
    for some in batched(rows, TEXTS_AT_ONCE):
        versions = ChartVersion.objects.filter(pk__in=[row.id for row in some])
        texts = {id: _Texts(*both) for id, *both in versions.values_list("id", *_Texts._fields)}
        for row in some:
            if row.id in texts:
                yield row, texts[row.id]
            else:
                used.remove(row.id if row.is_tagged else -row.id)


def _entry(row: _Row, texts: _Texts) -> dict[str, Any]:
    entry: dict[str, Any] = kept_json(texts.metadata_json)
    if dependencies := kept_json(texts.dependencies_json):
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
    return _NOT_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def forget_indexes() -> None:
    """For tests, whose databases begin anew."""
    _bodies.clear()
