"""Find things by what they are called, among what the asker may read.

Every part is a range of an index, read until there are enough: as quick with a hundred thousand
rows as with ten. What repositories say is in an index of trigrams.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from django.db.models import Exists, Model, OuterRef, Q, QuerySet, Subquery

from accounts.credentials.principals import Principal
from accounts.organizations.models import TeamMember
from accounts.users.models import Namespace
from registry.access.rights import readable_repositories, sees_everything
from registry.blobs.models import BlobLink
from registry.charts.models import ChartVersion
from registry.manifests.models import Manifest, ManifestBlob, ManifestChild
from registry.repositories.models import (
    TRIGRAM_LENGTH,
    NamePart,
    Repository,
    RepositoryQuerySet,
)
from registry.rows.deadlines import within
from registry.search.questions import Question
from registry.tags.models import Tag

MOST_SHOWN: Final = 10  # of each group
DEADLINE_SECONDS: Final = 3.0

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Group(Generic[Row]):
    """The first of what was found; ``has_more``: there is more than that."""

    rows: Sequence[Row]
    has_more: bool


@dataclass(frozen=True, slots=True)
class Answer:
    repositories: Group[Repository]
    organizations: Group[Namespace]
    tags: Group[Tag]
    charts: Group[ChartVersion]
    manifests: Group[Manifest]

    @property
    def is_empty(self) -> bool:
        groups: Sequence[Group[Any]] = (
            self.repositories,
            self.organizations,
            self.tags,
            self.charts,
            self.manifests,
        )
        return not any(group.rows for group in groups)


@dataclass(frozen=True, slots=True)
class Exact:
    """A repository whose whole name was asked for; ``tag`` and ``digest`` are there if given."""

    repository: Repository
    tag: str = ""
    digest: str = ""


def search(
    question: Question, *, principal: Principal, now: datetime, most: int = MOST_SHOWN
) -> Answer:
    """What ``question`` may mean, as far as ``principal`` may read it; ``most`` of each group.

    Raises ``TookTooLong``.
    """
    readable = readable_repositories(principal)
    with within_deadline():
        return Answer(
            repositories=_best_repositories(question, readable, most),
            organizations=_first(find_organizations(question, principal), most),
            tags=_first(find_tags(question, readable, now), most),
            charts=_newest_charts(find_chart_repositories(question, readable, now), most),
            manifests=_first(find_manifests(question, readable), most),
        )


def within_deadline() -> AbstractContextManager[None]:
    """For whoever reads one group page by page. Raises ``TookTooLong``."""
    return within(DEADLINE_SECONDS)


def exact(question: Question, *, principal: Principal, now: datetime) -> Exact | None:
    """What a whole reference names: a repository, and the tag or manifest in it if it is there."""
    path = question.repository or question.name
    repository = readable_repositories(principal).filter(path=path).first() if path else None
    if repository is None:
        return None
    tags = Tag.objects.alive(now).filter(repository=repository, name=question.tag)
    digests = Manifest.objects.present().filter(repository=repository, digest=question.digest)
    return Exact(
        repository,
        tag=question.tag if question.repository and question.tag and tags.exists() else "",
        digest=question.digest if question.is_whole_digest and digests.exists() else "",
    )


def find_repositories(question: Question, readable: RepositoryQuerySet) -> QuerySet[Repository]:
    """Those that are called so or say so; those first that were pushed last."""
    by_words = Repository.objects.saying(question.words).values("pk")
    name = question.name or question.repository
    condition = Q(pk__in=_named(name)) | Q(pk__in=by_words) if name else Q(pk__in=by_words)
    return readable.filter(condition).order_by("-last_pushed_at", "-id")


def _best_repositories(
    question: Question, readable: RepositoryQuerySet, most: int
) -> Group[Repository]:
    """Before all others those with a word in their name that begins so."""
    name = question.name or question.repository
    newest = readable.order_by("-last_pushed_at", "-id")
    named = list(newest.filter(pk__in=_named(name))[: most + 1]) if name else []
    matches = newest.filter(pk__in=Repository.objects.saying(question.words).values("pk"))
    others = matches.exclude(pk__in=[row.pk for row in named])[: most + 1]
    rows = [*named, *others]
    return Group(rows[:most], has_more=len(rows) > most)


def _named(name: str) -> QuerySet[NamePart, Any]:
    return NamePart.objects.filter(_begins("text", name)).values("repository")


def find_organizations(question: Question, principal: Principal) -> QuerySet[Namespace]:
    """Organizations and people of whom the asker knows: a member, or a reader of something.

    Three letters and more may stand anywhere in their names.
    """
    name = question.name
    if not name or "/" in name:
        return Namespace.objects.none()
    place = "contains" if len(name) >= TRIGRAM_LENGTH else "startswith"
    namespaces = Namespace.objects.held().filter(**{f"name__{place}": name}).order_by("name")
    namespaces = namespaces.select_related("organization", "user")
    readable = readable_repositories(principal)
    if sees_everything(principal):
        return namespaces
    visible = Q(Exists(readable.filter(namespace=OuterRef("pk"))))
    if principal.kind == "user":
        visible |= Q(user=principal.id) | Q(
            Exists(
                TeamMember.objects.filter(
                    user=principal.id, team__organization__namespace=OuterRef("pk")
                )
            )
        )
    return namespaces.filter(visible)


def find_tags(question: Question, readable: RepositoryQuerySet, now: datetime) -> QuerySet[Tag]:
    if not question.tag:
        return Tag.objects.none()
    tags = Tag.objects.alive(now).filter(_begins("name", question.tag), is_companion=False)
    tags = tags.filter(repository__in=readable.values("pk"))
    if question.repository:
        places = NamePart.objects.filter(text=question.repository)
        tags = tags.filter(repository__in=places.values("repository"))
    return (
        tags.select_related("repository", "manifest").defer("manifest__body").order_by("name", "pk")
    )


def find_chart_repositories(
    question: Question, readable: RepositoryQuerySet, now: datetime
) -> QuerySet[Repository]:
    """The repositories with such charts; ``newest_chart`` is the id of the newest, if any is
    available."""
    if not question.chart:
        return Repository.objects.none()
    called = Q(name=question.chart) if question.version else _begins("name", question.chart)
    charts = ChartVersion.objects.filter(called)
    if question.version:
        charts = charts.filter(version__startswith=question.version)
    newest = charts.available(now).filter(repository=OuterRef("pk"))
    with_charts = readable.filter(pk__in=charts.values("repository"))
    return with_charts.annotate(
        newest_chart=Subquery(newest.order_by("-sort_key", "-id").values("pk")[:1])
    ).order_by("path")


def charts_of(ids: Iterable[int | None]) -> QuerySet[ChartVersion]:
    """For lists: without what only their own pages show."""
    return (
        ChartVersion.objects.filter(pk__in=[pk for pk in ids if pk])
        .select_related("repository", "manifest")
        .defer("manifest__body", "readme", "values", "schema", "templates_json")
        .order_by("name", "repository__path")
    )


def _newest_charts(repositories: QuerySet[Repository], most: int) -> Group[ChartVersion]:
    if repositories.query.is_empty():
        return Group([], has_more=False)
    ids = [getattr(repository, "newest_chart", None) for repository in repositories[: most + 1]]
    return _first(charts_of(ids), most)


def find_manifests(question: Question, readable: RepositoryQuerySet) -> QuerySet[Manifest]:
    """By their own digest; by a whole digest also those that need the blob of that digest."""
    if not question.digest:
        return Manifest.objects.none()
    called = _begins("digest", question.digest)
    if question.is_whole_digest:
        links = BlobLink.objects.filter(blob=question.digest)
        needing = ManifestBlob.objects.filter(link__in=links.values("pk"))
        called |= Q(pk__in=needing.values("manifest"))
        listing = ManifestChild.objects.filter(child_digest=question.digest)
        called |= Q(pk__in=listing.values("parent"), repository__in=links.values("repository"))
    manifests = Manifest.objects.present().filter(called, repository__in=readable.values("pk"))
    if question.repository:
        places = NamePart.objects.filter(text=question.repository)
        manifests = manifests.filter(repository__in=places.values("repository"))
    return manifests.select_related("repository").defer("body").order_by("digest", "pk")


def _begins(column: str, start: str) -> Q:
    """A range that every database finds in an index whose text is in the order of its bytes."""
    end = start[:-1] + chr(ord(start[-1]) + 1)
    return Q(**{f"{column}__gte": start, f"{column}__lt": end})


def _first(rows: QuerySet[Row], most: int) -> Group[Row]:
    page = list(rows[: most + 1])
    return Group(page[:most], has_more=len(page) > most)
