"""Find things by the beginning of what they are called, among what the asker may read.

Every part is a range of an index, read until there are enough: as quick with a hundred thousand
rows as with ten.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db.models import Exists, Model, OuterRef, Q, QuerySet, Subquery

from accounts.credentials.principals import Principal
from accounts.organizations.models import TeamMember
from accounts.users.models import Namespace
from registry.access.rights import readable_repositories, sees_everything
from registry.blobs.models import BlobLink
from registry.charts.models import ChartVersion
from registry.manifests.models import Manifest, ManifestBlob, ManifestChild
from registry.repositories.models import NamePart, Repository, RepositoryQuerySet
from registry.search.questions import Question
from registry.tags.models import Tag

MOST_SHOWN = 10  # of each group

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


def search(question: Question, *, principal: Principal, now: datetime) -> Answer:
    """What ``question`` may mean, as far as ``principal`` may read it."""
    readable = readable_repositories(principal)
    return Answer(
        repositories=_first(find_repositories(question, readable)),
        organizations=_first(_organizations(question, principal, readable)),
        tags=_first(_tags(question, readable, now)),
        charts=_charts(question, readable, now),
        manifests=_first(_manifests(question, readable)),
    )


def find_repositories(question: Question, readable: RepositoryQuerySet) -> QuerySet[Repository]:
    """Those with a word in their name that begins so; those first that were pushed last."""
    name = question.name or question.repository
    if not name:
        return Repository.objects.none()
    parts = NamePart.objects.filter(_begins("text", name)).values("repository")
    return readable.filter(pk__in=parts).order_by("-last_pushed_at", "-id")


def _organizations(
    question: Question, principal: Principal, readable: RepositoryQuerySet
) -> QuerySet[Namespace]:
    """Organizations and people of whom the asker knows: a member, or a reader of something."""
    if not question.name or "/" in question.name:
        return Namespace.objects.none()
    found = Namespace.objects.held().filter(name__startswith=question.name).order_by("name")
    found = found.select_related("organization", "user")
    if sees_everything(principal):
        return found
    known = Q(Exists(readable.filter(namespace=OuterRef("pk"))))
    if principal.kind == "user":
        known |= Q(user=principal.id) | Q(
            Exists(
                TeamMember.objects.filter(
                    user=principal.id, team__organization__namespace=OuterRef("pk")
                )
            )
        )
    return found.filter(known)


def _tags(question: Question, readable: RepositoryQuerySet, now: datetime) -> QuerySet[Tag]:
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


def _charts(question: Question, readable: RepositoryQuerySet, now: datetime) -> Group[ChartVersion]:
    """The newest version of each chart, one of each repository."""
    if not question.chart:
        return Group([], has_more=False)
    called = Q(name=question.chart) if question.version else _begins("name", question.chart)
    charts = ChartVersion.objects.filter(called)
    if question.version:
        charts = charts.filter(version__startswith=question.version)
    newest = charts.available(now).filter(repository=OuterRef("pk"))
    held = readable.filter(pk__in=charts.values("repository"))
    chosen = held.annotate(
        newest_chart=Subquery(newest.order_by("-sort_key", "-id").values("pk")[:1])
    )
    ids = chosen.order_by("path").values_list("newest_chart", flat=True)[: MOST_SHOWN + 1]
    found = ChartVersion.objects.filter(pk__in=[pk for pk in ids if pk])
    return _first(
        found.select_related("repository", "manifest")
        .defer("manifest__body", "readme", "values", "schema", "templates_json")
        .order_by("name", "repository__path")
    )


def _manifests(question: Question, readable: RepositoryQuerySet) -> QuerySet[Manifest]:
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
    found = Manifest.objects.present().filter(called, repository__in=readable.values("pk"))
    if question.repository:
        places = NamePart.objects.filter(text=question.repository)
        found = found.filter(repository__in=places.values("repository"))
    return found.select_related("repository").defer("body").order_by("digest", "pk")


def _begins(column: str, start: str) -> Q:
    """A range that every database finds in an index whose text is in the order of its bytes."""
    end = start[:-1] + chr(ord(start[-1]) + 1)
    return Q(**{f"{column}__gte": start, f"{column}__lt": end})


def _first(rows: QuerySet[Row]) -> Group[Row]:
    found = list(rows[: MOST_SHOWN + 1])
    return Group(found[:MOST_SHOWN], has_more=len(found) > MOST_SHOWN)
