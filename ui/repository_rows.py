"""What lists of repositories show of each, for ``ui/parts/repository_row.html``."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Subquery

from registry.manifests.sizes import content_sizes
from registry.repositories.models import Repository
from registry.statistics.reads import Traffic, pulls_by_day
from registry.tags.models import Tag
from ui.display.amounts import Amount, counted
from ui.display.prose import first_words

MAX_SUMMARY_LENGTH = 300
DAYS_OF_PULLS = 30
MOST_TAGS_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class RepositoryRow:
    """``tag`` is the newest one, and ``size`` the bytes of what it points at."""

    repository: Repository
    namespace: str
    name: str
    summary: str
    tag: str
    size: int
    traffic: Traffic

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever pushed."""
        return not self.repository.kind


def repository_rows(repositories: Iterable[Repository], *, now: datetime) -> list[RepositoryRow]:
    """The facts about one page of repositories, in as many queries for fifty as for one."""
    shown = list(repositories)
    newest = _newest_tags([repository.pk for repository in shown], now)
    sizes = content_sizes([tag["manifest_id"] for tag in newest.values()])
    traffic = pulls_by_day(shown, days=DAYS_OF_PULLS, now=now)
    return [
        _row(repository, newest.get(repository.pk, {}), sizes, traffic[repository.pk])
        for repository in shown
    ]


def _row(
    repository: Repository, tag: Mapping[str, Any], sizes: Mapping[int, int], traffic: Traffic
) -> RepositoryRow:
    namespace, _, name = repository.path.partition("/")
    return RepositoryRow(
        repository=repository,
        namespace=namespace,
        name=name,
        summary=summary_of(repository.description or tag.get("manifest__chart__description") or ""),
        tag=tag.get("name", ""),
        size=sizes.get(tag.get("manifest_id", 0), 0),
        traffic=traffic,
    )


def summary_of(text: str) -> str:
    """What a description says first, on one line."""
    return first_words(text, most=MAX_SUMMARY_LENGTH)


def living_tags(repository: Repository, now: datetime, *, companions: bool | None = None) -> Amount:
    """Tags that lead somewhere; of signatures and the like alone, without them, or all."""
    tags = Tag.objects.alive(now).filter(repository=repository)
    return counted(tags if companions is None else tags.companions(companions), MOST_TAGS_COUNTED)


def _newest_tags(repositories: Sequence[int], now: datetime) -> Mapping[int, Mapping[str, Any]]:
    """The tag that moved last in each, by the repository's id; not those of signatures."""
    newest = (
        Tag.objects.alive(now)
        .filter(repository=OuterRef("pk"))
        .companions(False)
        .order_by("-started_at", "-name")
    )
    ids = Repository.objects.filter(pk__in=repositories).values(
        tag=Subquery(newest.values("pk")[:1])
    )
    tags = Tag.objects.filter(pk__in=ids).values(
        "repository_id", "name", "manifest_id", "manifest__chart__description"
    )
    return {tag["repository_id"]: tag for tag in tags}
