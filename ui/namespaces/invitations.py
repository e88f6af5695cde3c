"""Teams that ask a person to join them."""

from django.http import HttpRequest, HttpResponse

from accounts.errors import InvitationOver
from accounts.organizations.invitations import accept, decline
from accounts.organizations.models import TeamInvitation, TeamInvitationQuerySet
from accounts.users.models import User
from ui.pages import Page
from ui.paging import page_of


class InvitationsPage(Page):
    template = "ui/accounts/invitations.html"
    must_sign_in = True
    user: User

    def get(self, request: HttpRequest) -> HttpResponse:
        waiting = self._waiting().select_related("team__organization__namespace")
        return self.render(page=page_of(request, waiting, order=("-created_at", "-id")))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Answer the one that ``accept`` or ``decline`` names."""
        answer = "accept" if "accept" in request.POST else "decline"
        invitation = self._invitation(request.POST.get(answer, ""))
        if invitation is None:
            raise InvitationOver
        team = invitation.team
        change = accept if answer == "accept" else decline
        change(invitation=invitation, now=self.now, by=self.by)
        if answer == "accept":
            name = team.organization.name
            return self.done(f"You are in the team {team.name} of {name}.", "ui:namespace", name)
        return self.done(f"You do not join {team.organization.name}.", "ui:invitations")

    def _waiting(self) -> TeamInvitationQuerySet:
        waiting: TeamInvitationQuerySet = TeamInvitation.objects.alive(self.now)
        return waiting.filter(user=self.user)

    def _invitation(self, text: str) -> TeamInvitation | None:
        if not (text.isascii() and text.isdecimal() and len(text) < 19):
            return None
        waiting = self._waiting().select_related("team__organization__namespace", "user")
        return waiting.filter(pk=int(text)).first()
