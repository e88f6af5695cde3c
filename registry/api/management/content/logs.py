"""The audit trail in Quay's words: of a repository, of a namespace, and of the registry.

Events that Quay knows too carry its name for them; the others carry ours, with lines under it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db.models import Count
from django.db.models.functions import TruncDay
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.audit.models import AuditEvent, AuditEventQuerySet
from accounts.audit.services import SYSTEM
from accounts.users.models import Namespace
from registry.api.http.failures import RequestInvalid
from registry.api.management.base import ManagementView, NamespaceView, PlacedView, RepositoryView
from registry.api.management.documents import avatar, written_date
from registry.api.management.paging import cursor_of, next_page

PAGE: Final = 20  # events, as in Quay
LONGEST_SUMMARY: Final = timedelta(days=92)
_DAY: Final = timedelta(days=1)
_DATE: Final = "%m/%d/%Y"
_CURSOR: Final = "audit"
_KINDS: Final[Mapping[str, str]] = {
    "manifest.push": "push_repo",
    "manifest.delete": "manifest_delete",
    "manifest.label.add": "manifest_label_add",
    "manifest.label.delete": "manifest_label_delete",
    "tag.move": "move_tag",
    "tag.delete": "delete_tag",
    "tag.delete-for-good": "permanently_delete_tag",
    "tag.restore": "revert_tag",
    "tag.expiry": "change_tag_expiration",
    "tag.immutable": "change_tag_immutability",
    "repository.create": "create_repo",
    "repository.delete": "delete_repo",
    "repository.visibility": "change_repo_visibility",
    "repository.state": "change_repo_state",
    "repository.description": "set_repo_description",
    "repository.grant": "change_repo_permission",
    "repository.revoke": "delete_repo_permission",
    "organization.create": "org_create",
    "organization.delete": "org_delete",
    "organization.email.change": "org_change_email",
    "namespace.time-machine": "org_change_tag_expiration",
    "team.create": "org_create_team",
    "team.delete": "org_delete_team",
    "team.description": "org_set_team_description",
    "team.role.change": "org_set_team_role",
    "team.invitation.send": "org_invite_team_member",
    "team.member.add": "org_add_team_member",
    "team.member.leave": "org_remove_team_member",
    "team.member.remove": "org_remove_team_member",
    "default-permission.set": "create_prototype_permission",
    "default-permission.delete": "delete_prototype_permission",
    "robot.create": "create_robot",
    "robot.delete": "delete_robot",
    "robot.federation": "create_robot_federation",
    "robot.token.issue": "regenerate_robot_token",
    "retention.rule.add": "create_namespace_autoprune_policy",
    "retention.rule.change": "update_namespace_autoprune_policy",
    "retention.rule.remove": "delete_namespace_autoprune_policy",
    "user.create": "user_create",
    "user.delete": "user_delete",
    "user.disable": "user_disable",
    "user.enable": "user_enable",
    "user.email.change": "user_change_email",
    "user.password.change": "user_change_password",
    "user.sign-in": "login_success",
    "user.sign-in.fail": "login_failure",
    "user.token.issue": "create_app_specific_token",
    "token.revoke": "revoke_app_specific_token",
    "application.create": "create_application",
    "application.change": "update_application",
    "application.secret.reset": "reset_application_client_secret",
    "application.delete": "delete_application",
    "application.offer": "assign_application_to_user",
    "hook.create": "add_repo_notification",
    "hook.remove": "delete_repo_notification",
    "log.export": "export_logs_success",
}


class _Logs(ManagementView):
    names_namespaces = False

    def events(self) -> AuditEventQuerySet:
        """Those that are about the place."""
        raise NotImplementedError

    def events_between(self, since: datetime, until: datetime) -> AuditEventQuerySet:
        actor = self.request.query_params.get("performer", "")[:255]
        return self.events().narrowed(since=since, until=until, actor=actor)

    def get(self, request: Request, **_: str) -> Response:
        since, until = window(request, self.now)
        rows = self.events_between(since, until)
        last = cursor_of(request, _CURSOR, int)
        if last is not None:
            seen = AuditEvent.objects.filter(pk=last).first()
            if seen is None:
                raise RequestInvalid("next_page leads to what is no more")
            rows = rows.before(seen)
        events = list(rows.order_by("-at", "-id")[: PAGE + 1])
        more = next_page(_CURSOR, events[PAGE - 1].pk) if len(events) > PAGE else {}
        return Response(
            {
                "start_time": written_date(since),
                "end_time": written_date(until),
                "logs": [
                    log_of(event, names_namespaces=self.names_namespaces) for event in events[:PAGE]
                ],
                **more,
            }
        )


class _Summary(_Logs):
    """How often what happened, day by day in UTC."""

    def get(self, request: Request, **_: str) -> Response:
        since, until = window(request, self.now)
        if until - since > LONGEST_SUMMARY:
            raise RequestInvalid(f"ask for at most {LONGEST_SUMMARY.days} days")
        rows = self.events_between(since, until)
        days = rows.order_by().annotate(day=TruncDay("at", tzinfo=UTC)).values("action", "day")
        counted = days.annotate(count=Count("pk")).order_by("day", "action")
        return Response(
            {
                "aggregated": [
                    {
                        "kind": _kind(row["action"]),
                        "count": row["count"],
                        "datetime": written_date(row["day"]),
                    }
                    for row in counted
                ]
            }
        )


class _OfPlace(PlacedView):
    def events(self) -> AuditEventQuerySet:
        place, rows = self.place, AuditEvent.objects.all()
        events: AuditEventQuerySet
        if isinstance(place, Namespace):
            events = rows.about_namespace(place.name, since=place.created_at)
        else:
            events = rows.about_repository(place.path, since=place.created_at)
        return events


class LogsView(NamespaceView, _OfPlace, _Logs):
    pass


class SummaryView(NamespaceView, _OfPlace, _Summary):
    pass


class RepositoryLogsView(RepositoryView, _OfPlace, _Logs):
    pass


class RepositorySummaryView(RepositoryView, _OfPlace, _Summary):
    pass


class AllLogsView(_Logs):
    names_namespaces = True

    def events(self) -> AuditEventQuerySet:
        return AuditEvent.objects.all()


class AllSummaryView(AllLogsView, _Summary):
    pass


def log_of(event: AuditEvent, *, names_namespaces: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "kind": _kind(event.action),
        "metadata": _metadata(event),
        "ip": event.address or None,
        "datetime": written_date(event.at),
    }
    if event.actor not in {SYSTEM.name, "anonymous"}:
        is_robot = "+" in event.actor
        document["performer"] = {
            "kind": "user",
            "name": event.actor,
            "is_robot": is_robot,
            "avatar": avatar(event.actor, "robot" if is_robot else "user"),
        }
    if names_namespaces and event.namespace:
        document["namespace"] = {
            "kind": "org",
            "name": event.namespace,
            "avatar": avatar(event.namespace, "org"),
        }
    return document


def window(request: Request, now: datetime) -> tuple[datetime, datetime]:
    """From ``starttime`` to the end of the day ``endtime``; by default the last day."""
    until = _date(request, "endtime")
    end = until + _DAY if until else now
    return _date(request, "starttime") or end - _DAY, end


def _date(request: Request, name: str) -> datetime | None:
    text = request.query_params.get(name, "")
    if not text:
        return None
    try:
        day = datetime.strptime(text[:20], _DATE).replace(tzinfo=UTC)
    except ValueError as error:
        raise RequestInvalid(f"{name} must be a day such as 11/30/2026") from error
    if not 1970 <= day.year <= 9000:
        raise RequestInvalid(f"{name} is out of range")
    return day


def _kind(action: str) -> str:
    return _KINDS.get(action) or action.replace(".", "_").replace("-", "_")


def _metadata(event: AuditEvent) -> dict[str, Any]:
    namespace, _, name = event.repository.partition("/")
    place = {"namespace": namespace, "repo": name} if event.repository else {}
    if not place and event.namespace:
        place = {"namespace": event.namespace}
    return {**event.facts, **place, "target": event.target}
