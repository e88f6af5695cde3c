"""All organizations, and opening one as its administrator."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts.names import MAX_NAME_LENGTH
from accounts.organizations.models import TeamMember, TeamRole
from accounts.users.models import Namespace
from registry.repositories.models import Repository
from registry.statistics.reads import latest_sizes
from ui.administration.pages import RegistryPage
from ui.forms import typed
from ui.paging import page_of
from ui.people import ask_again, close_organization, open_organization

_OWNERS_SHOWN = 3


class AllOrganizationsPage(RegistryPage):
    template = "ui/administration/organizations.html"
    tab = "organizations"

    def get(self, request: HttpRequest) -> HttpResponse:
        text = typed(request.GET, "q", most=MAX_NAME_LENGTH)
        namespaces = Namespace.objects.held().filter(organization__isnull=False)
        if text:
            namespaces = namespaces.filter(name__icontains=text)
        page = page_of(request, namespaces.select_related("organization"), order=("name",))
        owners, counts = _owners(page.rows), _repositories(page.rows)
        sizes = latest_sizes(page.rows)
        rows = [
            {
                "namespace": namespace,
                "owners": owners.get(namespace.pk, [])[:_OWNERS_SHOWN],
                "more_owners": len(owners.get(namespace.pk, [])) - _OWNERS_SHOWN,
                "repositories": counts.get(namespace.pk, 0),
                "size": sizes.get(namespace.pk),
            }
            for namespace in page.rows
        ]
        return self.render(page=page, rows=rows, text=text)


class OpenOrganizationPage(RegistryPage):
    """Says what opening means, and does it."""

    template = "ui/administration/open_organization.html"
    tab = "organizations"

    def get(self, request: HttpRequest, namespace: str) -> HttpResponse:
        self.crumb = namespace
        return self.render(namespace=self._namespace(namespace))

    def post(self, request: HttpRequest, namespace: str) -> HttpResponse:
        row = self._namespace(namespace)
        if "close" in request.POST:
            close_organization(request)
            return self.done(f"{namespace} is closed again.", "ui:system_organizations")
        ask_again(request)
        open_organization(request, row, now=self.now, by=self.by)
        return HttpResponseRedirect(reverse("ui:namespace", kwargs={"namespace": namespace}))

    def _namespace(self, name: str) -> Namespace:
        rows = Namespace.objects.held().filter(organization__isnull=False, name=name)
        if (row := rows.first()) is None:
            raise Http404
        return row


def _owners(namespaces: Sequence[Namespace]) -> Mapping[int, list[str]]:
    names_by_namespace: dict[int, list[str]] = {}
    members = TeamMember.objects.filter(
        team__organization__namespace__in=namespaces, team__role=TeamRole.ADMIN, user__isnull=False
    )
    rows: Any = members.order_by("user__username").values_list(
        "team__organization__namespace", "user__username"
    )
    for namespace, name in rows.distinct():
        names_by_namespace.setdefault(namespace, []).append(name)
    return names_by_namespace


def _repositories(namespaces: Sequence[Namespace]) -> Mapping[int, int]:
    counted = Repository.objects.filter(namespace__in=namespaces).values("namespace")
    return dict(counted.annotate(count=Count("pk")).values_list("namespace", "count"))
