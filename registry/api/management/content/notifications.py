"""Hooks in Quay's words: notifications of a repository, and of all that is in a namespace.

Of its methods, ``webhook`` takes a ``format``, a ``secret`` and ``headers`` beside its ``url``;
neither of the latter two is given back.
"""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from registry.api.http.failures import RequestInvalid
from registry.api.management.base import (
    NamespaceView,
    NotFound,
    PlacedView,
    RepositoryView,
)
from registry.api.management.bodies import Body, Line, Object, Text
from registry.events.kinds import EventType
from registry.events.models import DAYS_BEFORE_EXPIRY, Hook
from registry.events.services import (
    MAX_TITLE_LENGTH,
    HookTerms,
    create_hook,
    remove_hook,
    resume_hook,
    send_test,
)

_EVENTS: Final[Mapping[str, tuple[EventType, ...]]] = {
    "repo_push": (EventType.TAG_PUSHED, EventType.TAG_MOVED, EventType.TAG_RESTORED),
    "repo_image_expiry": (EventType.TAG_EXPIRING,),
    "repo_mirror_sync_started": (EventType.MIRROR_STARTED,),
    "repo_mirror_sync_success": (EventType.MIRROR_SUCCEEDED,),
    "repo_mirror_sync_failed": (EventType.MIRROR_FAILED,),
    "vulnerability_found": (EventType.VULNERABILITY_FOUND,),
    "quota_warning": (EventType.QUOTA_WARNING,),
    "quota_error": (EventType.QUOTA_EXCEEDED,),
}
_METHODS: Final = ("webhook", "email", "slack", "quay_notification")
_GONE: Final = frozenset({"flowdock", "hipchat"})
_OPTIONS: Final = ("template", "email", "target", "room")
_QUAY: Final = "quay"  # of the options: what it was called there


class Notification(Body):
    event = Line(max_length=100)
    method = Line(max_length=100)
    config = Object()
    eventConfig = Object(required=False)  # noqa: N815 - Quay's name
    title = Text(required=False, allow_blank=True, max_length=MAX_TITLE_LENGTH)


class _Placed(PlacedView):
    def hook(self, notification: str) -> Hook | None:
        try:
            uuid = UUID(notification)
        except ValueError:
            return None
        rows = Hook.objects.of(self.place).select_related("repository", "namespace")
        return rows.filter(uuid=uuid).first()

    def require_hook(self, notification: str) -> Hook:
        """What is to be changed. Quay answers 400 where it is not there."""
        if hook := self.hook(notification):
            return hook
        raise RequestInvalid(f"there is no notification {notification[:64]}")


class _Notifications(_Placed):
    bodies = {"POST": Notification}

    def get(self, request: Request, **_: str) -> Response:
        rows = Hook.objects.of(self.place).order_by("pk")
        return Response({"notifications": [_notification(row) for row in rows]})

    def post(self, request: Request, **_: str) -> Response:
        fields = self.read()
        config = fields["config"]
        hook = create_hook(
            place=self.place,
            terms=_terms(fields),
            secret=_text(config, "secret"),
            headers=_headers(config),
            **self.change,
        )
        return Response(_notification(hook), status=201)


class _OneNotification(_Placed):
    def get(self, request: Request, notification: str, **_: str) -> Response:
        hook = self.hook(notification)
        if hook is None:
            raise NotFound(f"there is no notification {notification[:64]}")
        return Response(_notification(hook))

    def post(self, request: Request, notification: str, **_: str) -> Response:
        """Forget its failures, and begin anew."""
        resume_hook(hook=self.require_hook(notification), **self.change)
        return Response(status=204)

    def delete(self, request: Request, notification: str, **_: str) -> Response:
        remove_hook(hook=self.require_hook(notification), **self.change)
        return Response(status=204)


class _Trial(_Placed):
    def post(self, request: Request, notification: str, **_: str) -> Response:
        hook = self.require_hook(notification)
        send_test(hook=hook, kind=EventType(hook.events[0]), **self.change)
        return Response({})


class NotificationsView(NamespaceView, _Notifications):
    pass


class NotificationView(NamespaceView, _OneNotification):
    pass


class TrialView(NamespaceView, _Trial):
    pass


class RepositoryNotificationsView(RepositoryView, _Notifications):
    pass


class RepositoryNotificationView(RepositoryView, _OneNotification):
    pass


class RepositoryTrialView(RepositoryView, _Trial):
    pass


def _terms(fields: Mapping[str, Any]) -> HookTerms:
    config, method = fields["config"], fields["method"]
    events = _EVENTS.get(fields["event"])
    if events is None:
        raise RequestInvalid(f"event must be one of {', '.join(_EVENTS)}")
    if method in _GONE:
        raise RequestInvalid(f"the service {method} has ended")
    if method not in _METHODS:
        raise RequestInvalid(f"method must be one of {', '.join(_METHODS)}")
    event_config = fields.get("eventConfig", {})
    options: dict[str, Any] = {name: config[name] for name in _OPTIONS if config.get(name)}
    if fields["event"] == "repo_image_expiry":
        options["days"] = event_config.get("days", DAYS_BEFORE_EXPIRY)
    options[_QUAY] = {
        "event": fields["event"],
        "method": method,
        "event_config": dict(event_config),
    }
    return HookTerms(
        format=_format(method, config),
        events=events,
        url=_text(config, "url"),
        title=fields.get("title", ""),
        options=options,
    )


def _format(method: str, config: Mapping[str, Any]) -> str:
    match method:
        case "webhook":
            default = "template" if config.get("template") else "quay"
            return _text(config, "format") or default
        case "quay_notification":
            return "bell"
    return method


def _text(config: Mapping[str, Any], name: str) -> str:
    value = config.get(name) or ""
    if not isinstance(value, str):
        raise RequestInvalid(f"config.{name} must be given as text")
    return value


def _headers(config: Mapping[str, Any]) -> dict[str, str]:
    headers = config.get("headers") or {}
    if not isinstance(headers, dict) or not all(isinstance(one, str) for one in headers.values()):
        raise RequestInvalid("config.headers must be an object with texts")
    return headers


def _notification(hook: Hook) -> dict[str, Any]:
    quay = hook.options.get(_QUAY, {})
    config = {name: hook.options[name] for name in _OPTIONS if name in hook.options}
    if hook.url:
        config["url"] = hook.url
    if "event" not in quay or hook.format not in ("quay", "template", "slack", "email", "bell"):
        config["format"] = hook.format
    return {
        "uuid": str(hook.uuid),
        "title": hook.title or None,
        "event": quay.get("event") or _event_of(hook),
        "method": quay.get("method") or _method_of(hook),
        "config": config,
        "event_config": quay.get("event_config", {}),
        "number_of_failures": hook.failures,
    }


def _event_of(hook: Hook) -> str:
    """Of a hook that was made elsewhere: Quay's word for the first of its events that has one."""
    for kind in hook.events:
        for event, kinds in _EVENTS.items():
            if kind in kinds:
                return event
    return str(hook.events[0])


def _method_of(hook: Hook) -> str:
    if hook.format in ("slack", "email"):
        return hook.format
    return "quay_notification" if hook.format == "bell" else "webhook"
