"""The teams of an organization, and who is in them."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse

from accounts.names import MAX_NAME_LENGTH, is_name
from accounts.organizations import invitations, services
from accounts.organizations.models import Team, TeamInvitation, TeamMember, TeamRole
from registry.access.holders import user_or_robot
from registry.repositories.models import RepositoryGrant
from ui.forms import NameInput, PageForm
from ui.pages import OrganizationPage
from ui.paging import page_of

ROLES = (
    (TeamRole.MEMBER, "Member: what repositories grant it"),
    (TeamRole.CREATOR, "Creator: may also make repositories"),
    (TeamRole.ADMIN, "Admin: everything, as its owners"),
)


class NewTeamForm(PageForm):
    refusable = "name"

    name = forms.CharField(
        max_length=MAX_NAME_LENGTH,
        widget=NameInput(),
        help_text="Lower-case letters and digits, with single dots, hyphens or underscores"
        " between them.",
    )
    role = forms.ChoiceField(choices=ROLES, initial=TeamRole.MEMBER)
    description = forms.CharField(max_length=255, required=False)


class TeamForm(PageForm):
    refusable = "role"

    role = forms.ChoiceField(choices=ROLES)
    description = forms.CharField(max_length=255, required=False)


class MemberForm(PageForm):
    refusable = "member"

    member = forms.CharField(
        label="Name",
        max_length=2 * MAX_NAME_LENGTH + 1,
        widget=NameInput(),
        help_text="A user, or a robot of this organization.",
    )


class TeamsPage(OrganizationPage):
    template = "ui/namespaces/teams.html"
    standing = {"GET": "member", "POST": "administrator"}
    tab = "teams"
    nav = "organizations"

    def get(self, request: HttpRequest, namespace: str) -> HttpResponse:
        return self.answer(NewTeamForm())

    def post(self, request: HttpRequest, namespace: str) -> HttpResponse:
        form = self.filled(NewTeamForm(request.POST))
        team = services.create_team(
            **form.cleaned_data, organization=self.organization, now=self.now, by=self.by
        )
        text = f"The team {team.name} was created. Put people and robots into it."
        return self.done(text, "ui:team", namespace=namespace, team=team.name)

    def answer(self, form: Any = None, **options: Any) -> HttpResponse:
        teams = self.organization.teams.annotate(
            people=Count("members__user"), robots=Count("members__robot")
        )
        page = page_of(self.request, teams, order=("name",))
        return self.render(crumb="Teams", page=page, form=form, **options)


class TeamPage(OrganizationPage):
    """One team: its members, and what membership gives."""

    template = "ui/namespaces/team.html"
    standing = {"GET": "member", "POST": "administrator"}
    tab = "teams"
    nav = "organizations"
    team: Team

    def refusal(self) -> HttpResponseBase | None:
        if (answer := super().refusal()) is not None:
            return answer
        team = self.organization.teams.filter(name=self.kwargs["team"]).first()
        if team is None:
            raise Http404
        self.team = team
        self.team.organization = self.organization
        return None

    def context(self) -> dict[str, Any]:
        return {
            **super().context(),
            "team": self.team,
            "crumb": self.team.name,
            "parent_name": "teams",
            "parent_title": "Teams",
        }

    @property
    def back(self) -> str:
        return reverse("ui:team", kwargs=self.kwargs)

    def get(self, request: HttpRequest, namespace: str, team: str) -> HttpResponse:
        return self.answer()

    def post(self, request: HttpRequest, namespace: str, team: str) -> HttpResponse:
        form = self.filled(TeamForm(request.POST))
        self._change(**form.cleaned_data)
        return self.done("The team was changed.", "ui:team", namespace=namespace, team=team)

    def answer(
        self, form: Any = None, member_form: MemberForm | None = None, **options: Any
    ) -> HttpResponse:
        members = self.team.members.select_related("user", "robot__namespace")
        member_form = member_form or MemberForm()
        if "administrator" in self.standings:
            self.suggest(member_form, "member", "account")
        now = {"role": self.team.role, "description": self.team.description}
        return self.render(
            form=form or TeamForm(initial=now),
            member_form=member_form,
            page=page_of(self.request, members, order=("id",)),
            invited=self._invited(),
            **options,
        )

    def _invited(self) -> Sequence[TeamInvitation]:
        """Who has not answered yet, for those who can withdraw it. There is a bound to them."""
        if "administrator" not in self.standings:
            return []
        waiting = self.team.invitations.alive(self.now).select_related("user")
        return list(waiting.order_by("user__username")[: invitations.MOST_OF_A_TEAM])

    def _change(self, role: str, description: str) -> None:
        if role != self.team.role:
            services.set_team_role(team=self.team, role=TeamRole(role), now=self.now, by=self.by)
        if description != self.team.description:
            services.describe_team(
                team=self.team, description=description, now=self.now, by=self.by
            )


class TeamMemberPage(TeamPage):
    """Who is put into the team, or taken out of it."""

    standing = {"POST": "administrator"}

    def post(self, request: HttpRequest, namespace: str, team: str) -> HttpResponse:
        here = {"namespace": namespace, "team": team}
        if leaver := request.POST.get("remove"):
            return self._remove(leaver, here)
        if invited := request.POST.get("withdraw"):
            return self._withdraw(invited, here)
        name = self.filled(MemberForm(request.POST)).cleaned_data["member"]
        member = user_or_robot(name, place=self.namespace, asker=self.visitor)
        if invitations.add_or_invite(team=self.team, member=member, now=self.now, by=self.by):
            text = f"{member} is in the team now."
        else:
            text = f"{member} was asked, and is in the team once they accept."
        return self.done(text, "ui:team", **here)

    def answer(self, form: Any = None, *_: Any, **options: Any) -> HttpResponse:
        return super().answer(member_form=form, **options)

    def _remove(self, leaver: str, here: dict[str, str]) -> HttpResponse:
        member = user_or_robot(leaver, place=self.namespace, asker=self.visitor)
        services.remove_member(team=self.team, member=member, now=self.now, by=self.by)
        return self.done(f"{member} is not in the team any more.", "ui:team", **here)

    def _withdraw(self, invited: str, here: dict[str, str]) -> HttpResponse:
        waiting = self.team.invitations.filter(user__username=invited).select_related("user")
        if is_name(invited) and (invitation := waiting.first()) is not None:
            invitation.team = self.team
            invitations.withdraw(invitation=invitation, now=self.now, by=self.by)
        return self.done("The invitation is not good any more.", "ui:team", **here)


class DeleteTeamPage(TeamPage):
    """What the members of a team lose with it, and then its end."""

    template = "ui/namespaces/delete_team.html"
    standing = {"GET": "administrator", "POST": "administrator"}

    def get(self, request: HttpRequest, namespace: str, team: str) -> HttpResponse:
        grants = RepositoryGrant.objects.filter(team=self.team, repository__deleted_at=None)
        return self.render(
            people=TeamMember.objects.filter(team=self.team, user__isnull=False).count(),
            robots=TeamMember.objects.filter(team=self.team, robot__isnull=False).count(),
            grants=grants.count(),
            defaults=self.team.default_permissions.count(),
        )

    def post(self, request: HttpRequest, namespace: str, team: str) -> HttpResponse:
        services.delete_team(team=self.team, now=self.now, by=self.by)
        return self.done(f"The team {team} was deleted.", "ui:teams", namespace=namespace)
