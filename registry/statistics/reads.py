"""How much was pulled, pushed and kept, for pages."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db.models import Max, OuterRef, QuerySet, Subquery, Sum

from accounts.users.models import Namespace
from registry.blobs.models import Blob, BlobLink
from registry.repositories.models import Repository
from registry.statistics.models import DailyTraffic, NamespaceStorage, RepositoryStorage


@dataclass(frozen=True, slots=True)
class Traffic:
    """What happened on each of some days in a row, the last one today (UTC)."""

    days: Sequence[date]
    pulls: Sequence[int]
    pushes: Sequence[int]
    last_pulled_at: datetime | None  # on one of these days

    @property
    def total(self) -> int:
        return sum(self.pulls)

    @property
    def total_pushes(self) -> int:
        return sum(self.pushes)

    @property
    def pulls_by_day(self) -> list[tuple[str, int]]:
        """For ``{% bars %}``."""
        return [(day.isoformat(), pulls) for day, pulls in zip(self.days, self.pulls, strict=True)]

    @property
    def rows(self) -> list[tuple[date, int, int]]:
        """Day, pulls, pushes: the newest day first."""
        return list(zip(self.days, self.pulls, self.pushes, strict=True))[::-1]


class Pulls(NamedTuple):
    times: int
    last_at: datetime | None


NEVER_PULLED: Final = Pulls(0, None)


def all_pulls(repository: Repository, references: Collection[str]) -> Mapping[str, Pulls]:
    """The pulls of tags and of digests as long as they are remembered, without those of none."""
    traffic = DailyTraffic.objects.filter(repository=repository.id, reference__in=references)
    sums = traffic.values_list("reference").annotate(Sum("pulls"), Max("last_pulled_at"))
    return {reference: Pulls(times, last_at) for reference, times, last_at in sums}


def pulls_by_day(
    repositories: Iterable[Repository], *, days: int, now: datetime
) -> Mapping[int, Traffic]:
    """The traffic of each repository, by its id, in one query; zeros where there was none."""
    ids = [repository.id for repository in repositories]
    rows = _since(DailyTraffic.objects.filter(repository__in=ids, reference=""), days, now)
    return _traffic(rows.values_list("repository", *_COLUMNS), ids, days, now)


def pulls_of_references(
    repository: Repository, references: Collection[str], *, days: int, now: datetime
) -> Mapping[str, Traffic]:
    """The pulls of tags and of digests, each by its text, in one query."""
    traffic = DailyTraffic.objects.filter(repository=repository.id, reference__in=references)
    rows = _since(traffic, days, now).values_list("reference", *_COLUMNS)
    return _traffic(rows, references, days, now)


def pulls_of_namespace(namespace: Namespace, *, days: int, now: datetime) -> Traffic:
    """The traffic of all its repositories together."""
    traffic = DailyTraffic.objects.filter(repository__namespace=namespace.pk, reference="")
    sums = (
        _since(traffic, days, now)
        .values_list("day")
        .annotate(Sum("pulls"), Sum("pushes"), Max("last_pulled_at"))
    )
    return _traffic(((namespace.pk, *row) for row in sums), [namespace.pk], days, now)[namespace.pk]


def storage_by_day(
    place: Namespace | Repository, *, days: int, now: datetime
) -> Sequence[tuple[date, int]]:
    """Bytes on each day that was surveyed, the oldest first."""
    rows: QuerySet[Any]
    if isinstance(place, Repository):
        rows = RepositoryStorage.objects.filter(repository=place.id)
    else:
        rows = NamespaceStorage.objects.filter(namespace=place.pk)
    return list(_since(rows, days, now).order_by("day").values_list("day", "size"))


def latest_sizes(namespaces: Sequence[Namespace]) -> Mapping[int, int]:
    """Bytes of each namespace (by id) as they were last surveyed; absent where they never were."""
    surveyed = NamespaceStorage.objects.filter(namespace__in=[space.pk for space in namespaces])
    last = surveyed.values("namespace").annotate(last=Max("day")).values("last")
    rows = surveyed.filter(day=Subquery(last.filter(namespace=OuterRef("namespace"))))
    return dict(rows.values_list("namespace", "size"))


def stored_bytes(place: Namespace | Repository) -> int:
    """Bytes of the blobs it holds now; each counts once."""
    if isinstance(place, Repository):
        links = BlobLink.objects.filter(repository=place.id)
    else:
        links = BlobLink.objects.filter(repository__namespace=place.pk)
    blobs = Blob.objects.filter(digest__in=links.values("blob"))
    return blobs.aggregate(sum=Sum("size"))["sum"] or 0


_COLUMNS = ("day", "pulls", "pushes", "last_pulled_at")


def _since(rows: QuerySet[Any], days: int, now: datetime) -> QuerySet[Any]:
    return rows.filter(day__gt=now.date() - timedelta(days=days), day__lte=now.date())


def _traffic(
    rows: Iterable[tuple[Any, ...]], keys: Iterable[Any], days: int, now: datetime
) -> dict[Any, Traffic]:
    """``rows`` of key, day, pulls, pushes and last pull, spread over the days."""
    shown = [now.date() - timedelta(days=back) for back in reversed(range(days))]
    counts: dict[Any, dict[date, tuple[int, int]]] = {}
    last: dict[Any, datetime] = {}
    for key, day, pulls, pushes, pulled_at in rows:
        counts.setdefault(key, {})[day] = (pulls, pushes)
        if pulled_at is not None:
            last[key] = max(pulled_at, last.get(key, pulled_at))
    return {
        key: Traffic(
            days=shown,
            pulls=[counts.get(key, {}).get(day, (0, 0))[0] for day in shown],
            pushes=[counts.get(key, {}).get(day, (0, 0))[1] for day in shown],
            last_pulled_at=last.get(key),
        )
        for key in keys
    }
