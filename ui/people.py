"""Who looks at a page, as the rooms below want to know it, what they opened for a while, and who
did what pages show."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from django.http import HttpRequest

from accounts.audit.models import AuditEvent
from accounts.audit.services import SYSTEM, Actor
from accounts.credentials.principals import ANONYMOUS, Principal
from accounts.credentials.services import principal_of
from accounts.origin import address_of
from accounts.users.models import Namespace, User
from registry.repositories.models import Repository

OPEN_FOR: Final = timedelta(hours=1)
_KEY: Final = "opened_organization"

Moment = tuple[str, datetime]  # a tag, and when something happened to it


def ask_again(request: HttpRequest) -> None:
    """Have the visitor prove who they are, unless they did so some minutes ago.

    What they asked for is done right after it: a stolen session gets nothing that outlives it.
    """
    raise_if_reauthentication_required(request, app="allauth.account")


def user_of(request: HttpRequest) -> User | None:
    """The person who is signed in."""
    return request.user if request.user.is_authenticated else None


def visitor(user: User | None) -> Principal:
    return principal_of(user) if user is not None else ANONYMOUS


def actor(request: HttpRequest, user: User | None) -> Actor:
    """Who is written into the audit trail for what this request changes: ``user``, who need not
    be signed in yet, or nobody known."""
    name = user.username if user is not None else "anonymous"
    return Actor(name, address=address_of(request.META))


def open_organization(
    request: HttpRequest, namespace: Namespace, *, now: datetime, by: Actor
) -> None:
    """Let the superuser who asks do everything in it as its owner could, for ``OPEN_FOR``.

    One at a time, in this browser; it begins with a line in the organization's own log, and every
    page says so.
    """
    by.did("organization.open", namespace.name, now=now)
    request.session[_KEY] = [namespace.pk, (now + OPEN_FOR).timestamp()]


def close_organization(request: HttpRequest) -> None:
    request.session.pop(_KEY, None)


def is_opened(request: HttpRequest, user: User | None, namespace_id: int, *, now: datetime) -> bool:
    """Whether the visitor opened that organization, and still may."""
    if user is None or not user.is_superuser:
        return False
    opened, until = request.session.get(_KEY) or (None, 0)
    return bool(opened == namespace_id and now.timestamp() < until)


def actors_of(repository: Repository, moments: Collection[Moment]) -> Mapping[Moment, str]:
    """The name behind each moment that an event tells about, in one query."""
    targets = {f"{repository.path}:{name}"[:600] for name, _ in moments}
    events = AuditEvent.objects.filter(target__in=targets, at__in={at for _, at in moments})
    events = events.exclude(actor=SYSTEM.name)
    start = len(repository.path) + 1
    rows = events.order_by("pk").values_list("target", "at", "actor")
    return {(target[start:], at): actor for target, at, actor in rows}
