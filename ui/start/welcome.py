"""The first page, and what every page offers: help, and a theme."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from accounts.organizations.models import Organization
from accounts.users.models import User
from registry.access.rights import readable_repositories
from registry.repositories.models import Repository
from ui.commands.address import Registry
from ui.commands.pull import TOOLS
from ui.commands.push import Tool, into_namespace
from ui.context import PUT_AWAY_COOKIE, THEME_COOKIE, THEMES, TOOL_COOKIE, marks_put_away
from ui.pages import Page
from ui.repository_rows import RepositoryRow, repository_rows
from ui.start.stars import starred

MOST_REPOSITORIES = 10
MOST_ORGANIZATIONS = 12
MOST_STARRED = 8
_PLACEHOLDER = "ORGANIZATION"  # in commands for who has not signed in
_KEPT = timedelta(days=365)


class WelcomePage(Page):
    template = "ui/start/welcome.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        if self.user is None:
            return self.render(**self._for_visitors())
        return self.render("ui/start/home.html", **self._for_people(self.user))

    def _for_visitors(self) -> dict[str, Any]:
        return {
            "tools": self._tools(_PLACEHOLDER),
            "rows": self._rows() if settings.BERTH.FEATURE_ANONYMOUS_ACCESS else [],
        }

    def _for_people(self, user: User) -> dict[str, Any]:
        rows = Organization.objects.filter(teams__members__user=user).distinct()
        organizations = list(
            rows.select_related("namespace").order_by("namespace__name")[: MOST_ORGANIZATIONS + 1]
        )
        return {
            "rows": self._rows(),
            "organizations": organizations[:MOST_ORGANIZATIONS],
            "has_more_organizations": len(organizations) > MOST_ORGANIZATIONS,
            "starred": starred(self.visitor).order_by("-last_pushed_at", "-id")[:MOST_STARRED],
            "tools": self._tools(user.username),
            "is_invited": user.team_invitations.alive(self.now).exists(),
            "is_new": not organizations and not self._has_repositories(user),
        }

    def _rows(self) -> list[RepositoryRow]:
        """What was pushed to last, of all that the visitor may read."""
        newest = readable_repositories(self.visitor).order_by("-last_pushed_at", "-id")
        return repository_rows(newest[:MOST_REPOSITORIES], now=self.now)

    def _tools(self, namespace: str) -> list[Tool]:
        return list(into_namespace(Registry.of(self.request), namespace))

    @staticmethod
    def _has_repositories(user: User) -> bool:
        return Repository.objects.filter(namespace=user.namespace_id).exists()


class HelpPage(Page):
    template = "ui/start/help.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render()


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    return _remembered(request, THEME_COOKIE, THEMES)


@require_POST
def choose_tool(request: HttpRequest) -> HttpResponse:
    return _remembered(request, TOOL_COOKIE, TOOLS)


@require_POST
def put_away(request: HttpRequest) -> HttpResponse:
    """An announcement is not shown any more in this browser, until it says something else."""
    marks = marks_put_away(request, request.POST.get("announcement", ""))
    return _kept(request, PUT_AWAY_COOKIE, ".".join(marks))


def _remembered(request: HttpRequest, name: str, choices: Sequence[str]) -> HttpResponse:
    choice = request.POST.get(name, "")
    return _kept(request, name, choice if choice in choices else "")


def _kept(request: HttpRequest, name: str, value: str) -> HttpResponse:
    """Keep a value in this browser, if there is one, and go back to where the visitor was."""
    came_from = request.META.get("HTTP_REFERER", "")
    is_ours = url_has_allowed_host_and_scheme(came_from, allowed_hosts={request.get_host()})
    response = HttpResponseRedirect(came_from if is_ours else "/")
    if value:
        response.set_cookie(
            name,
            value,
            max_age=_KEPT,
            secure=request.is_secure(),
            httponly=True,
            samesite="Lax",
        )
    return response
