"""Accounts for machines, of organizations and of people.

A token is in the answer to the request that makes it, and nowhere else: not in the session, not
in an address, not in a cache.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse

from accounts.credentials.robots.readable import is_readable
from accounts.credentials.services import holds_token, issue_robot_token
from accounts.credentials.workloads.federation import (
    Workload,
    federations_of,
    own_audience,
    set_federations,
    trial,
)
from accounts.names import MAX_NAME_LENGTH
from accounts.users import services
from accounts.users.models import Robot
from registry.repositories.models import Repository, RepositoryGrant, Role
from ui.commands.address import Registry
from ui.commands.login import Login, pull_secret, recipes
from ui.commands.workloads import workload_recipes
from ui.display.file_names import saved_as
from ui.forms import NameInput, PageForm
from ui.namespaces.rights import ROLES, RightsForm
from ui.pages import NamespacePage, Secret, unstored
from ui.paging import page_of
from ui.people import ask_again

_KEPT_NOWHERE: Final = (
    "Copy it before you leave this page: Berth keeps only a fingerprint of it. If it is lost, make"
    " a new one."
)
_READ_AGAIN: Final = (
    "Pages do not show it again. Programs of whoever administers this namespace can read it by the"
    " management API (ROBOT_TOKENS_READABLE)."
)
LIFETIMES = (
    ("", "Never"),
    ("7", "In a week"),
    ("30", "In 30 days"),
    ("90", "In 90 days"),
    ("365", "In a year"),
)


class TokenForm(PageForm):
    days = forms.ChoiceField(
        label="The token expires",
        choices=LIFETIMES,
        required=False,
        help_text="A new one can be made at any time, and makes the old one worthless. Before one"
        " that never expires is made, you are asked who you are once more.",
    )

    def ask_again_when_lasting(self, request: HttpRequest) -> None:
        """A token without an end outlives every session, so that of a thief must not get one."""
        if not self.cleaned_data["days"]:
            ask_again(request)

    def expires_at(self, now: datetime) -> datetime | None:
        days = self.cleaned_data["days"]
        return now + timedelta(days=int(days)) if days else None


class NewRobotForm(TokenForm, RightsForm):
    refusable = "name"
    rows = 3

    name = forms.CharField(
        max_length=MAX_NAME_LENGTH,
        widget=NameInput(),
        help_text="Lower-case letters and digits, with single dots, hyphens or underscores"
        " between them.",
    )
    description = forms.CharField(max_length=255, required=False)
    field_order = ["name", "description", "days"]


class RobotHereForm(TokenForm):
    """A robot with one role in one repository: a shorter form of what ``NewRobotPage`` takes."""

    name = NewRobotForm.base_fields["name"]
    repository_0 = forms.CharField(widget=forms.HiddenInput())
    role_0 = forms.ChoiceField(label="Role", choices=ROLES, initial=Role.WRITE)
    field_order = ["name", "role_0", "days"]

    def __init__(self, repository: Repository) -> None:
        first = {"repository_0": repository.path, "days": "90"}
        super().__init__(initial=first, auto_id="robot_%s")


class DescriptionForm(PageForm):
    description = forms.CharField(max_length=255, required=False)


class _RobotsPage(NamespacePage):
    standing = {"GET": "administrator", "POST": "administrator"}
    tab = "robots"
    nav = "organizations"

    def show_once(self, robot: Robot, secret: str, message: str) -> HttpResponse:
        """The only answer that holds the token."""
        login = self.login_of(robot, secret)
        response = self.render(
            "ui/namespaces/robot_token.html",
            crumb=robot.short_name,
            parent_name="robots",
            parent_title="Robots",
            robot=robot,
            secret=secret,
            said=message,
            shown=Secret(
                "Its token, shown only now",
                _READ_AGAIN if is_readable(robot) else _KEPT_NOWHERE,
                reverse("ui:robot", args=[self.namespace.name, robot.short_name]),
                ("User name", robot.name, "Copy the user name"),
                ("Token", secret, "Copy the token"),
            ),
            recipes=recipes(login),
        )
        return unstored(response)

    def login_of(self, robot: Robot, secret: str = "") -> Login:
        return Login(Registry.of(self.request), robot.name, secret)


class RobotsPage(_RobotsPage):
    template = "ui/namespaces/robots.html"
    standing = {"GET": "administrator"}

    def get(self, request: HttpRequest, namespace: str) -> HttpResponse:
        robots = self.namespace.robots.select_related("namespace").prefetch_related("tokens")
        page = page_of(request, robots, order=("short_name",))
        return self.render(crumb="Robots", page=page)


class NewRobotPage(_RobotsPage):
    template = "ui/namespaces/new_robot.html"

    def get(self, request: HttpRequest, namespace: str) -> HttpResponse:
        return self.answer(NewRobotForm(page=self))

    def post(self, request: HttpRequest, namespace: str) -> HttpResponse:
        form = self.filled(NewRobotForm(request.POST, page=self))
        # Neither robot nor token is there when the visitor is to be asked again.
        with transaction.atomic():
            robot = services.create_robot(
                owner=self.namespace,
                short_name=form.cleaned_data["name"],
                description=form.cleaned_data["description"],
                now=self.now,
                by=self.by,
            )
            form.ask_again_when_lasting(request)
            count = form.give(robot, now=self.now, by=self.by)
            secret = issue_robot_token(
                robot=robot, now=self.now, expires_at=form.expires_at(self.now), by=self.by
            )
        message = f"The robot {robot.name} was created."
        if count:
            message += f" It has a role in {count} repositor{'y' if count == 1 else 'ies'}."
        return self.show_once(robot, secret, message)

    def context(self) -> dict[str, Any]:
        parent = {"parent_name": "robots", "parent_title": "Robots"}
        return {**super().context(), "crumb": "New robot", **parent}


class _OneRobotPage(_RobotsPage):
    robot: Robot

    def refusal(self) -> HttpResponseBase | None:
        if (answer := super().refusal()) is not None:
            return answer
        robot = self.namespace.robots.filter(short_name=self.kwargs["robot"]).first()
        if robot is None:
            raise Http404
        self.robot = robot
        self.robot.namespace = self.namespace
        return None

    def context(self) -> dict[str, Any]:
        return {
            **super().context(),
            "robot": self.robot,
            "token": self.robot.tokens.first(),
            "is_readable": is_readable(self.robot),
            "crumb": self.robot.short_name,
            "parent_name": "robots",
            "parent_title": "Robots",
        }


class RobotPage(_OneRobotPage):
    """One robot: what it is in, what it may do, and how to log in as it."""

    template = "ui/namespaces/robot.html"

    def get(self, request: HttpRequest, namespace: str, robot: str) -> HttpResponse:
        return self.answer(DescriptionForm(initial={"description": self.robot.description}))

    def post(self, request: HttpRequest, namespace: str, robot: str) -> HttpResponse:
        if "description" not in request.POST:
            return self._give()
        form = self.filled(DescriptionForm(request.POST))
        services.describe_robot(
            robot=self.robot,
            description=form.cleaned_data["description"],
            now=self.now,
            by=self.by,
        )
        return self.done("Saved.", "ui:robot", namespace=namespace, robot=robot)

    def _give(self) -> HttpResponse:
        form = self.filled(RightsForm(self.request.POST, page=self))
        count = form.give(self.robot, now=self.now, by=self.by)
        message = f"{self.robot.name} has the role now." if count else "No repository was named."
        return self.done(message, "ui:robot", **self.kwargs)

    def answer(self, form: Any = None, **options: Any) -> HttpResponse:
        """With the form that was sent; the other one as it is at first."""
        rights = form if isinstance(form, RightsForm) else RightsForm(page=self)
        if form is None or form is rights:
            form = DescriptionForm(initial={"description": self.robot.description})
        grants = RepositoryGrant.objects.filter(robot=self.robot, repository__deleted_at=None)
        memberships = self.robot.team_memberships.select_related("team__organization__namespace")
        return self.render(
            form=form,
            rights_form=rights,
            page=page_of(self.request, grants.select_related("repository"), order=("id",)),
            memberships=memberships.order_by("team__name"),
            recipes=recipes(self.login_of(self.robot)),
            **options,
        )


class RobotStatePage(_OneRobotPage):
    """Whether it may log in."""

    standing = {"POST": "administrator"}

    def post(self, request: HttpRequest, namespace: str, robot: str) -> HttpResponse:
        may_log_in = request.POST.get("active") == "yes"
        change = services.enable_robot if may_log_in else services.disable_robot
        change(robot=self.robot, now=self.now, by=self.by)
        state_text = "can log in again" if may_log_in else "cannot log in any more"
        return self.done(
            f"{self.robot.name} {state_text}.", "ui:robot", namespace=namespace, robot=robot
        )


class NewTokenPage(_OneRobotPage):
    """A token in the place of the one it has."""

    template = "ui/namespaces/new_token.html"

    def get(self, request: HttpRequest, namespace: str, robot: str) -> HttpResponse:
        return self.answer(TokenForm())

    def post(self, request: HttpRequest, namespace: str, robot: str) -> HttpResponse:
        form = self.filled(TokenForm(request.POST))
        form.ask_again_when_lasting(request)
        secret = issue_robot_token(
            robot=self.robot, now=self.now, expires_at=form.expires_at(self.now), by=self.by
        )
        message = f"{self.robot.name} has a new token. The one before is worthless from now on."
        return self.show_once(self.robot, secret, message)


class WorkloadForm(PageForm):
    issuer = forms.CharField(
        max_length=500,
        help_text="Its address with https://, to the letter as its tokens say it.",
        widget=NameInput(),
    )
    subject = forms.CharField(
        max_length=500,
        help_text="Which workload. * stands for any text.",
        widget=NameInput(),
    )
    audience = forms.CharField(
        max_length=500,
        required=False,
        help_text="Whom its tokens are for. Empty: this registry.",
        widget=NameInput(),
    )


class WorkloadsPage(_OneRobotPage):
    """Which workloads log in as it by what their platform says of them, and a trial of a token."""

    template = "ui/namespaces/workloads.html"

    def get(self, request: HttpRequest, namespace: str, robot: str) -> HttpResponse:
        return self.answer(WorkloadForm())

    def post(self, request: HttpRequest, namespace: str, robot: str) -> HttpResponse:
        """``what`` is add, remove or try."""
        workloads = [
            Workload(row.issuer, row.subject, row.audience) for row in federations_of(self.robot)
        ]
        match request.POST.get("what"):
            case "try":
                token = request.POST.get("token", "")[:20_000]
                steps = list(trial(self.robot, token))
                return unstored(self.answer(WorkloadForm(), steps=steps))
            case "remove":
                left = [one for one in workloads if self._name(one) != request.POST.get("workload")]
                self._trust(left)
                message = "It is not trusted any more."
            case _:
                form = self.filled(WorkloadForm(request.POST))
                self._trust([*workloads, Workload(**form.cleaned_data)])
                message = "It is trusted from now on."
        return self.done(message, "ui:workloads", namespace=namespace, robot=robot)

    def answer(self, form: Any = None, **options: Any) -> HttpResponse:
        registry = Registry.of(self.request)
        return self.render(
            form=form,
            workloads=[
                (self._name(one), one)
                for row in federations_of(self.robot)
                for one in [Workload(row.issuer, row.subject, row.audience)]
            ],
            own_audience=own_audience(),
            recipes=workload_recipes(
                host=registry.host, robot=self.robot.name, audience=own_audience()
            ),
            **options,
        )

    def context(self) -> dict[str, Any]:
        return {**super().context(), "crumb": f"Workloads of {self.robot.short_name}"}

    def _trust(self, workloads: Sequence[Workload]) -> None:
        set_federations(robot=self.robot, workloads=workloads, now=self.now, by=self.by)

    @staticmethod
    def _name(workload: Workload) -> str:
        return f"{workload.issuer} {workload.subject} {workload.audience}"


class PullSecretFile(_OneRobotPage):
    """The Kubernetes secret as a file, for the page that has just shown the token."""

    standing = {"POST": "administrator"}

    def post(self, request: HttpRequest, namespace: str, robot: str) -> HttpResponse:
        secret = request.POST.get("secret", "")
        if not holds_token(robot=self.robot, secret=secret):
            raise Http404
        login = self.login_of(self.robot, secret)
        response = HttpResponse(pull_secret(login), content_type="application/yaml")
        response.headers["Content-Disposition"] = saved_as(f"{login.kubernetes_name}.yaml")
        return unstored(response)


class DeleteRobotPage(_OneRobotPage):
    template = "ui/namespaces/delete_robot.html"

    def get(self, request: HttpRequest, namespace: str, robot: str) -> HttpResponse:
        grants = RepositoryGrant.objects.filter(robot=self.robot, repository__deleted_at=None)
        return self.render(
            teams=self.robot.team_memberships.count(),
            grants=grants.count(),
            defaults=self.robot.default_permissions.count(),
        )

    def post(self, request: HttpRequest, namespace: str, robot: str) -> HttpResponse:
        name = self.robot.name
        services.delete_robot(robot=self.robot, now=self.now, by=self.by)
        return self.done(f"The robot {name} was deleted.", "ui:robots", namespace=namespace)
