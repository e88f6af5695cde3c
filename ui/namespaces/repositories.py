"""The page of an organization or a person: its repositories, and how many bytes they store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from accounts.organizations.models import TeamMember
from accounts.users.models import Namespace
from registry.access.rights import readable_repositories
from registry.blobs.models import BlobLink
from registry.repositories.models import Repository, RepositoryQuerySet
from registry.statistics.reads import storage_by_day
from ui.commands.address import Registry
from ui.commands.push import into_namespace
from ui.display.kinds import of_group
from ui.forms import typed
from ui.pages import NamespacePage
from ui.paging import page_of
from ui.repository_rows import repository_rows

MAX_FILTER_LENGTH = 255
KINDS = (("", "All"), ("helm", "Helm"), ("images", "Images"), ("other", "Other"))
SORTS = (("", "Last pushed"), ("name", "Name"))
DAYS_SHOWN = 90
# A namespace that holds more blobs is known from the nightly survey alone.
MAX_BLOBS_COUNTED = 1000


class RepositoriesPage(NamespacePage):
    template = "ui/namespaces/repositories.html"
    tab = "repositories"
    nav = "organizations"

    def get(self, request: HttpRequest, namespace: str) -> HttpResponse:
        filters = {
            "text": typed(request.GET, "q", most=MAX_FILTER_LENGTH),
            "kind": _one_of(KINDS, request.GET.get("kind", "")),
            "sort": _one_of(SORTS, request.GET.get("sort", "")),
        }
        order = ("name",) if filters["sort"] == "name" else ("-last_pushed_at", "-id")
        repositories = _filtered(self._visible(), text=filters["text"], kind=filters["kind"])
        page = page_of(request, repositories, order=order)
        context: dict[str, Any] = {
            **filters,
            "page": page,
            "rows": repository_rows(page.rows, now=self.now),
            "kinds": [self._kind(value, name, filters) for value, name in KINDS],
            "sorts": SORTS,
            "is_filtered": bool(filters["text"] or filters["kind"]),
            "is_part": self.wants_part,
        }
        response = (
            self.render("ui/namespaces/repository_list.html", **context)
            if self.wants_part
            else self.render(**context, **self._around())
        )
        patch_vary_headers(response, ["HX-Request"])
        return response

    def _visible(self) -> RepositoryQuerySet:
        if "administrator" in self.standings:
            return Repository.objects.filter(namespace=self.namespace)
        if self.is_opened:
            return Repository.objects.filter(namespace=self.namespace)
        return readable_repositories(self.visitor).filter(namespace=self.namespace)

    @staticmethod
    def _kind(value: str, name: str, filters: Mapping[str, str]) -> dict[str, str]:
        """One of the kinds to choose, with the address of the list of it."""
        parameters = {"q": filters["text"], "kind": value, "sort": filters["sort"]}
        query = urlencode({key: text for key, text in parameters.items() if text})
        return {"value": value, "name": name, "url": f"?{query}"}

    def _around(self) -> dict[str, Any]:
        """What stands beside the list."""
        return {
            "summary": self.organization.description if self.organization else "",
            "head_actions": "ui/namespaces/new_repository_button.html",
            "tools": into_namespace(Registry.of(self.request), self.namespace.name),
            "usage": usage_of(self.namespace, now=self.now) if "member" in self.standings else None,
            "counts": self._counts() if "member" in self.standings else None,
        }

    def _counts(self) -> dict[str, int]:
        robots = self.namespace.robots.count()
        if self.organization is None:
            return {"robots": robots}
        people = TeamMember.objects.filter(team__organization=self.organization, user__isnull=False)
        return {
            "members": people.values("user").distinct().count(),
            "teams": self.organization.teams.count(),
            "robots": robots,
        }


def _one_of(choices: tuple[tuple[str, str], ...], value: str) -> str:
    return value if value in dict(choices) else ""


def _filtered(repositories: RepositoryQuerySet, *, text: str, kind: str) -> RepositoryQuerySet:
    if text:
        repositories = repositories.filter(name__contains=text.lower())
    return of_group(repositories, kind)


@dataclass(frozen=True, slots=True)
class Usage:
    """``surveyed_on`` is empty when the bytes were counted just now."""

    size: int
    surveyed_on: date | None
    history: Sequence[tuple[date, int]]


def usage_of(namespace: Namespace, *, now: datetime) -> Usage | None:
    """What it stores, each blob counted once; ``None`` while nobody knows."""
    surveyed = storage_by_day(namespace, days=DAYS_SHOWN, now=now)
    links = BlobLink.objects.filter(repository__namespace=namespace).order_by()
    sizes = list(links.values_list("blob_id", "blob__size")[: MAX_BLOBS_COUNTED + 1])
    if len(sizes) <= MAX_BLOBS_COUNTED:
        return Usage(sum(dict(sizes).values()), None, surveyed)
    if surveyed:
        return Usage(surveyed[-1][1], surveyed[-1][0], surveyed)
    return None
