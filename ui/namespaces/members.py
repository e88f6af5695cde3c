"""Everybody in an organization, and those who only have rights in some of its repositories."""

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse

from accounts.organizations.models import TeamMember
from accounts.users.models import User
from ui.pages import OrganizationPage
from ui.paging import page_of


class MembersPage(OrganizationPage):
    template = "ui/namespaces/members.html"
    standing = {"GET": "member"}
    tab = "teams"
    nav = "organizations"

    def get(self, request: HttpRequest, namespace: str) -> HttpResponse:
        is_outside = request.GET.get("who") == "collaborators"
        people = self._collaborators() if is_outside else self._members()
        return self.render(
            crumb="Collaborators" if is_outside else "Members",
            page=page_of(request, people, order=("username",)),
            is_outside=is_outside,
            is_here=self._memberships().filter(user=self.user).exists(),
        )

    def _memberships(self) -> QuerySet[TeamMember]:
        return TeamMember.objects.filter(team__organization=self.organization)

    def _members(self) -> QuerySet[User]:
        teams = self._memberships().select_related("team").order_by("team__name")
        here = self._memberships().filter(user=OuterRef("pk"))
        return User.objects.filter(Exists(here)).prefetch_related(
            Prefetch("team_memberships", queryset=teams, to_attr="memberships_here")
        )

    def _collaborators(self) -> QuerySet[User]:
        here = self._memberships().filter(user=OuterRef("pk"))
        in_these = Q(grants__repository__namespace=self.namespace) & Q(
            grants__repository__deleted_at=None
        )
        return (
            User.objects.filter(in_these, ~Exists(here))
            .annotate(repositories=Count("grants"))
            .order_by()
        )
